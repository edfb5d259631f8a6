// The answer to a Read (OPC 10000-4, 5.11.2), of which the results stay bytes.
//
//   ResponseHeader | Results: DataValue[] | DiagnosticInfos: DiagnosticInfo[]

import { DiagnosticInfo, ReadResponse } from "node-opcua-client";
import { DataValues } from "./data-values.ts";
import { lengthOfArray, type Stream } from "./decode-budget.ts";

export class ReadResults extends ReadResponse {
  readonly values = new DataValues();

  constructor() {
    super(null);
  }

  override decode(stream: Stream): void {
    this.responseHeader.decode(stream);
    const count = lengthOfArray(stream);
    this.values.expect(stream, count);
    for (let left = count; left > 0; left--) this.values.decodeNext(stream);
    // Nobody reads them; a message is refused for them as for everything else.
    for (let left = lengthOfArray(stream); left > 0; left--) new DiagnosticInfo().decode(stream);
  }
}
