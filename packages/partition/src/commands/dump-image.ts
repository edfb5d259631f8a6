// `cpc dump SERVICE --image`: every point of a process image, for people or as JSON. A reader like any other.

import { enumeratedText } from "@cpc-partition/image/values/enumeration";
import { statusName } from "@cpc-partition/image/values/status-name";
import { builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { ImageReader } from "@cpc-partition/image/image-reader";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { valueToJson } from "@cpc-partition/image/values/value-json";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { orderedRows, takeBanks, type TakenBank } from "./point-rows.ts";
import { connectionNames, connectionTable, pointTable } from "./value-table.ts";
import { print } from "@cpc-partition/process/standard-output";
import { printError } from "@cpc-partition/process/standard-error";

/** Wide enough for a pipe or a file, where nobody cuts lines. */
const pipeColumns = 160;

export function dumpImage(service: ServiceName, prefix: string, json: boolean): ExitCode {
  using opened = new OpenedImage(`${prefix}${service}_image`);
  const seen = opened.look();
  if (seen === undefined) {
    throw new CommandError(
      `cannot read ${opened.name} because there is none: has the partition run, with this prefix?`,
    );
  }
  const { image, hasWriter } = seen;
  if (!hasWriter) printError(`no partition writes to ${opened.name}: these are the last values it had`);
  const banks = takeBanks([image]);
  if (json) {
    print(`{"service":"${service}","hasWriter":${hasWriter},"servers":[${banks.map(groupJson).join(",\n")}]}`);
    return ExitCode.fine;
  }
  print(valuesText([image]));
  return ExitCode.fine;
}

/** The connections, and every point with its value. */
export function valuesText(images: readonly ImageReader[]): string {
  const columns = process.stdout.columns ?? pipeColumns;
  const banks = takeBanks(images);
  return `${connectionTable(banks, columns)}\n\n${pointTable(orderedRows(banks, Date.now()), columns)}`;
}

/** By hand, because 64-bit integers are written with all their digits. Times are nanoseconds since 1970 UTC, 0 for none. */
function groupJson({ bank, error }: TakenBank): string {
  const { connection, cycle, publishedNs, lastGoodNs, durationNs } = bank.state;
  const points = bank.points.map(({ key, unit, source, description, enumeration }, index) => {
    const { status, sourceNs, receivedNs, ...value } = bank.reading(index);
    const type = builtInTypeName(value.type);
    const text = enumeratedText(enumeration, value);
    const enumerated = text === undefined ? "" : `"text":${JSON.stringify(text)},`;
    return (
      `{"key":${JSON.stringify(key)},"type":"${type}","value":${valueToJson(value)},${enumerated}"unit":${JSON.stringify(unit)},"source":${JSON.stringify(source)},"description":${JSON.stringify(description)},` +
      `"statusCode":${status},"status":"${statusName(status)}","sourceNs":${sourceNs},"receivedNs":${receivedNs}}`
    );
  });
  return (
    `{"server":${JSON.stringify(bank.server.alias)},"group":${JSON.stringify(bank.group.name)},"intervalMs":${bank.group.intervalMs},"connection":"${connectionNames[connection]}","cycle":${cycle},` +
    `"publishedNs":${publishedNs},"lastGoodNs":${lastGoodNs},"durationNs":${durationNs},"lastError":${JSON.stringify(error)},` +
    `"points":[\n${points.join(",\n")}]}`
  );
}
