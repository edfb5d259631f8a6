// From the bytes of a file to the text of an XML document that may be parsed.
//
// Promises: what is looked at here is what the parser gets, because the text is decoded once and handed on as text (a
// parser that decodes again could see another document than the one checked). A DOCTYPE never reaches the parser, so
// neither do entities. The file is a regular one of bounded size. Does not promise that the text is well-formed.

import { readBoundedFile, UnsuitableFileError } from "@cpc-partition/process/bounded-file";
import { readingTrouble } from "@cpc-partition/process/file-trouble";

/** A million points, and less than the longest text that the runtime can hold. What bounds a file is its points, and the memory of its reader. */
export const largestFileBytes = 384 * 1024 * 1024;

export type XmlText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly line: number; readonly message: string };

function refused(line: number, message: string): XmlText {
  return { ok: false, line, message };
}

export function readXmlText(file: string): XmlText {
  let bytes: Uint8Array;
  try {
    bytes = readBoundedFile(file, { largestBytes: largestFileBytes });
  } catch (error) {
    const needed =
      error instanceof UnsuitableFileError
        ? `; an XML file of ${largestFileBytes / 1024 / 1024} MiB at most is needed`
        : "";
    return refused(1, `cannot read the file because ${readingTrouble(error, file)}${needed}`);
  }
  if (bytes.length === 0) return refused(1, "the file is empty; an XML document is needed");
  const foreign = foreignKind(bytes);
  if (foreign !== undefined) return refused(1, `this is not XML but ${foreign}; use an XML file`);
  const decoded = decode(bytes);
  if (!decoded.ok) return decoded;
  const doctype = doctypeAt(decoded.text);
  if (doctype === undefined) return decoded;
  return refused(
    lineAt(decoded.text, doctype),
    "the file has a DOCTYPE, which is refused because it can pull in foreign text; remove it, the grammar is built in",
  );
}

/** First bytes of files that are given by mistake. */
const foreignKinds: readonly (readonly [string, string])[] = [
  ["504b0304", "an Excel workbook or another ZIP archive"],
  ["d0cf11e0", "an old Office document"],
  ["25504446", "a PDF document"],
  ["1f8b", "a compressed file (gzip)"],
  ["3082", "a certificate or key (DER)"],
];

function foreignKind(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 4)).toString("hex");
  return foreignKinds.find(([magic]) => start.startsWith(magic))?.[1];
}

const byteOrderMarks: readonly { readonly bytes: readonly number[]; readonly encoding: string }[] = [
  { bytes: [0xff, 0xfe, 0x00, 0x00], encoding: "utf-32" },
  { bytes: [0x00, 0x00, 0xfe, 0xff], encoding: "utf-32" },
  { bytes: [0xef, 0xbb, 0xbf], encoding: "utf-8" },
  { bytes: [0xff, 0xfe], encoding: "utf-16le" },
  { bytes: [0xfe, 0xff], encoding: "utf-16be" },
  // No mark, but "<" as the first character (XML 1.0, Appendix F.1).
  { bytes: [0x3c, 0x00, 0x00, 0x00], encoding: "utf-32" },
  { bytes: [0x00, 0x00, 0x00, 0x3c], encoding: "utf-32" },
  { bytes: [0x3c, 0x00], encoding: "utf-16le" },
  { bytes: [0x00, 0x3c], encoding: "utf-16be" },
];

const eightBitEncodings: Readonly<Record<string, string>> = {
  "utf-8": "utf-8",
  utf8: "utf-8",
  "us-ascii": "utf-8",
  ascii: "utf-8",
  "iso-8859-1": "iso-8859-1",
  latin1: "iso-8859-1",
  "iso-8859-15": "iso-8859-15",
  "windows-1252": "windows-1252",
};

function decode(bytes: Uint8Array): XmlText {
  const marked = byteOrderMarks.find((mark) => mark.bytes.every((byte, index) => bytes[index] === byte))?.encoding;
  if (marked === "utf-32") return refused(1, "the file is in UTF-32, which is not supported; save it as UTF-8");
  if (marked !== undefined) return decodeAs(bytes, marked);
  const head = Buffer.from(bytes.subarray(0, 1024)).toString("latin1");
  const declared = /^<\?xml\s[^>]*?\bencoding\s*=\s*["']([^"']*)["']/.exec(head)?.[1] ?? "utf-8";
  const encoding = eightBitEncodings[declared.toLowerCase()];
  if (encoding !== undefined) return decodeAs(bytes, encoding);
  if (/^utf-?16/i.test(declared)) {
    return refused(1, "the first line says encoding UTF-16, but the file is not; save it as UTF-8 and say so there");
  }
  return refused(1, "the encoding that the first line names is not supported; save the file as UTF-8 and say so there");
}

function decodeAs(bytes: Uint8Array, encoding: string): XmlText {
  // The decoder's own "iso-8859-1" is windows-1252.
  if (encoding === "iso-8859-1") return { ok: true, text: Buffer.from(bytes).toString("latin1") };
  try {
    return { ok: true, text: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
  } catch {
    const text = new TextDecoder(encoding).decode(bytes);
    return refused(
      lineAt(text, text.indexOf("\ufffd")),
      `a character here is not valid ${encoding.toUpperCase()}; save the file as UTF-8, or name its true encoding in the first line, ` +
        'for example <?xml version="1.0" encoding="ISO-8859-1"?>',
    );
  }
}

/**
 * Where the DOCTYPE begins, undefined when there is none. It can stand only in the prolog (XML 1.0, production 22), after
 * white space, comments and processing instructions; anywhere else the parser refuses it as malformed.
 */
function doctypeAt(text: string): number | undefined {
  let at = 0;
  for (;;) {
    while (/\s/.test(text.charAt(at))) at += 1;
    let end = -1;
    if (text.startsWith("<?", at)) end = text.indexOf("?>", at + 2) + 2;
    else if (text.startsWith("<!--", at)) end = text.indexOf("-->", at + 4) + 3;
    else break;
    if (end <= at) return undefined;
    at = end;
  }
  return /^<!doctype/i.test(text.slice(at, at + 9)) ? at : undefined;
}

function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < index; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}
