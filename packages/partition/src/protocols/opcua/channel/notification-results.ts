// Messages of a subscription (OPC 10000-4, 7.26), of which the values stay bytes.
//
//   SequenceNumber | PublishTime | NotificationData: ExtensionObject[]
//        u32       |   8 bytes   |
//   ExtensionObject (OPC 10000-6, 5.2.2.15): type | encoding 1 | length | body
//   DataChangeNotification (OPC 10000-4, 7.25.2): MonitoredItems: ClientHandle, DataValue ... | DiagnosticInfos
//   StatusChangeNotification (7.25.4):            Status | DiagnosticInfo
//
// node-opcua goes on behind a body that it cannot decode, and shows what it had decoded until then: changes would be lost, and nobody would know. Here such a
// message is refused as a whole, and is asked for again. tests/partition/protocols/opcua/channel/notification-results.test.ts holds all others against the library.

import {
  DataChangeNotification,
  DiagnosticInfo,
  NotificationMessage,
  PublishResponse,
  RepublishResponse,
  StatusChangeNotification,
} from "node-opcua-client";
import { DataValues } from "./data-values.ts";
import { lengthOfArray, nestingUnits, take, type Stream } from "./decode-budget.ts";
import { Skipper } from "./skipper.ts";

const publishTimeBytes = 8;
const noBody = 0;

const dataChange = DataChangeNotification.encodingDefaultBinary.value;
const statusChange = StatusChangeNotification.encodingDefaultBinary.value;

export class NotificationResults extends NotificationMessage {
  readonly values = new DataValues();
  /** By the position of the value. */
  readonly clientHandles: number[] = [];
  /** Why the subscription is over, as a status code; undefined: it is not. */
  ended: number | undefined;
  isKeepAlive = true;

  constructor() {
    super(null);
  }

  override decode(stream: Stream): void {
    this.sequenceNumber = stream.readUInt32();
    stream.length += publishTimeBytes;
    const count = lengthOfArray(stream);
    this.isKeepAlive = count === 0;
    for (let left = count; left > 0; left--) this.#decodeData(stream);
  }

  #decodeData(stream: Stream): void {
    take(stream, nestingUnits);
    const skipper = new Skipper(stream.buffer, stream.length);
    const typeId = skipper.typeId();
    stream.length = skipper.offset;
    if (stream.readUInt8() === noBody) return;
    const length = stream.readUInt32();
    const end = stream.length + length;
    if (typeId === dataChange) this.#decodeChanges(stream);
    else if (typeId === statusChange) this.#decodeEnd(stream);
    else stream.length = end;
    if (stream.length !== end) throw new RangeError("a notification is not as long as it says");
  }

  #decodeChanges(stream: Stream): void {
    const count = lengthOfArray(stream);
    this.values.expect(stream, count);
    for (let left = count; left > 0; left--) {
      this.clientHandles.push(stream.readUInt32());
      this.values.decodeNext(stream);
    }
    for (let left = lengthOfArray(stream); left > 0; left--) new DiagnosticInfo().decode(stream);
  }

  #decodeEnd(stream: Stream): void {
    this.ended = stream.readUInt32();
    new DiagnosticInfo().decode(stream);
  }
}

export class PublishResults extends PublishResponse {
  override notificationMessage = new NotificationResults();

  constructor() {
    super(null);
  }
}

export class RepublishResults extends RepublishResponse {
  override notificationMessage = new NotificationResults();

  constructor() {
    super(null);
  }
}
