// What the rest of the program knows of logging: a function. Threads send their records to the main thread, which writes them.

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** `fields` are plain data: they cross a thread boundary. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** "journal": lines as systemd's journal takes them, with the level at the beginning. */
export const logFormats = ["json", "pretty", "journal"] as const;
export type LogFormat = (typeof logFormats)[number];
