// The exit codes of `cpc`, as documented in the README.

export const ExitCode = {
  fine: 0,
  failed: 1,
  invalidInput: 2,
  anotherWriter: 3,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
