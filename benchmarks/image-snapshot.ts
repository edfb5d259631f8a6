// How long does a reader take for a snapshot of 1000 points, and how long to parse the same points from the JSON document? Each reader is
// a process of its own; nobody publishes meanwhile (benchmarks/wake-up.ts has the copy right after a publish). Needs gcc and python3.
//
//   node benchmarks/image-snapshot.ts [--json]

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImageReader } from "../packages/image/src/image-reader.ts";
import { documentForm } from "../packages/documents/src/document-form.ts";
import { DocumentRenderer } from "../packages/documents/src/document-renderer.ts";
import { segmentBytes } from "../packages/documents/src/document-size.ts";
import { answerOf, compiledPeer, nodePeer, pythonPeer } from "./compiled-peer.ts";
import { plantMix, setAll, twoDecimals } from "./plant-values.ts";
import { tell } from "./report.ts";
import { numbersImage } from "./shared-image.ts";

const POINTS = 1000;

interface Costs {
  readonly copyUs: number;
  readonly valuesUs: number;
  readonly documentUs: number;
}

const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  using image = numbersImage(plantMix, POINTS);
  image.publish((block) => setAll(block, plantMix, twoDecimals, 1));
  const reader = new ImageReader(image.buffer);
  const segment = Buffer.alloc(segmentBytes("modbus", reader.directory.servers));
  segment.set(new DocumentRenderer(reader, documentForm("modbus")).render(segment.length).bytes);
  const document = join(folder, "document");
  writeFileSync(document, segment);

  const c = await answerOf<Omit<Costs, "documentUs">>(compiledPeer("snapshot"), image.name, "2000");
  const node = await answerOf<Costs>(nodePeer("snapshot"), image.name, "2000", document);
  const python = await answerOf<Costs>(pythonPeer("snapshot"), image.name, "500", document);
  tell({
    question: `How long does a snapshot of ${POINTS} points take, and how long the same from the document?`,
    lines: [
      { what: "C: snapshot, us", figure: c.copyUs, wanted: "less than 5" },
      { what: "C: snapshot, and every value and status read, us", figure: c.valuesUs },
      { what: "Node: snapshot, us", figure: node.copyUs, wanted: "less than 50" },
      { what: "Node: snapshot, and every value and status read, us", figure: node.valuesUs, wanted: "less than 50" },
      { what: "Node: JSON.parse of the document, us", figure: node.documentUs },
      { what: "Node: times faster, values read", figure: node.documentUs / node.valuesUs },
      { what: "Python: snapshot, us", figure: python.copyUs },
      { what: "Python: snapshot, and the list of all values, us", figure: python.valuesUs },
      { what: "Python: json.loads of the document, us", figure: python.documentUs },
      { what: "Python: times faster, values listed", figure: python.documentUs / python.valuesUs },
    ],
    remarks: [
      "a snapshot is a checked copy of the whole poll: values, times and status codes",
      "40 % Boolean, 30 % UInt16, 30 % Double; medians of batches; the document is taken without the guard",
    ],
  });
} finally {
  rmSync(folder, { recursive: true });
}
