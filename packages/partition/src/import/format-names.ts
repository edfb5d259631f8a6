// The formats that can be imported, by name; apart from what reads them, because the help needs no more.

export const formatNames = ["csv", "telegraf", "neuron", "opc-publisher", "kepware"] as const;
export type FormatName = (typeof formatNames)[number];
