// A file of other people as text, whatever wrote it: UTF-8, UTF-16 with a mark at its beginning, or windows-1252 as spreadsheets save it.

import { isUtf8 } from "node:buffer";

/** `isGuessed`: nothing in the file says its encoding. */
export function importedText(bytes: Buffer): { readonly text: string; readonly isGuessed: boolean } {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decoded(bytes, "utf-16le", false);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decoded(bytes, "utf-16be", false);
  return isUtf8(bytes) ? decoded(bytes, "utf-8", false) : decoded(bytes, "windows-1252", true);
}

function decoded(bytes: Buffer, encoding: string, isGuessed: boolean) {
  return { text: new TextDecoder(encoding).decode(bytes), isGuessed };
}
