// The grammar of the Modbus configuration, and what other people write for its words.

import type { Grammar } from "../../../configuration/open-configuration.ts";
import { dataTypeNames } from "../../../configuration/words.ts";

export const modbusGrammar: Grammar = {
  file: "modbustcp-endpoints.xsd",
  otherNames: {
    DataType: dataTypeNames,
    // Vendors' "little endian" turns the registers round, with or without their bytes. Two letters say nothing of two registers.
    WordOrder: {
      ABCD: "1234 abcdefgh bigendian ab",
      CDAB: "3412 ghefcdab wordswap wordswapped littleendian ab",
      BADC: "2143 badcfehg byteswap byteswapped ba",
      DCBA: "4321 hgfedcba littleendian ba",
    },
    // ASCII is the same in each of them.
    Encoding: {
      "UTF-8": "ascii usascii",
      "ISO-8859-1": "latin1 isolatin1",
      "windows-1252": "cp1252 win1252 ansi",
      "UTF-16BE": "utf16 ucs2 ucs2be",
    },
    Framing: { tcp: "mbap modbustcp", rtu: "modbusrtu rtuovertcp rtutcp" },
    Half: { low: "lo lsb lowbyte lower", high: "hi msb highbyte upper" },
    TlsVersion: { "1.2": "tls12 tlsv12", "1.3": "tls13 tlsv13" },
  },
};
