// How a server looks at a node that is subscribed to, in the words of other programs.

import { fold } from "../configuration/words.ts";
import { plainNumber } from "./data-types.ts";
import type { Findings, NodeDraft, Settings } from "./draft.ts";

/** `undefined` and "": not said. */
export interface ForeignMonitoring {
  /** Seconds; negative: as often as the subscription sends. */
  readonly samplingInterval: number | undefined;
  readonly queueSize: number | undefined;
  readonly trigger: string;
  /** "Absolute", "Percent", "None". */
  readonly deadbandType: string;
  readonly deadband: number | undefined;
}

const triggers: Readonly<Record<string, string>> = {
  status: "Status",
  statusvalue: "StatusValue",
  statusvaluetimestamp: "StatusValueTimestamp",
};
const elementOfDeadband: Readonly<Record<string, string>> = { absolute: "deadband", percent: "deadbandPercent" };
const longestQueue = 10_000;

export function monitoringOf(foreign: ForeignMonitoring, where: string, findings: Findings): Settings {
  const { samplingInterval, queueSize, deadband = 0, deadbandType } = foreign;
  const trigger = foreign.trigger === "" ? undefined : triggers[fold(foreign.trigger)];
  if (foreign.trigger !== "" && trigger === undefined)
    findings.leaveOut(where, `trigger "${foreign.trigger}" has no counterpart`);
  const element = deadband > 0 ? elementOfDeadband[fold(deadbandType)] : undefined;
  const isRefused = element !== undefined && trigger === "Status";
  const isLost =
    deadband !== 0 && fold(deadbandType) !== "none" && (element === undefined || isTooLarge(element, deadband));
  if (isLost) findings.leaveOut(where, `the deadband ${deadband} (${deadbandType || "of no type"}) has no counterpart`);
  if (isRefused) findings.leaveOut(where, "the deadband: with the trigger Status no value is compared");
  if (queueSize !== undefined && queueSize > longestQueue)
    findings.leaveOut(where, `a queue of ${queueSize}: <queueSize> is ${longestQueue} at most`);
  return {
    samplingInterval:
      samplingInterval === undefined || samplingInterval < 0 ? undefined : plainNumber(samplingInterval),
    queueSize: queueSize === undefined || queueSize < 1 ? undefined : String(Math.min(queueSize, longestQueue)),
    trigger: trigger === "StatusValue" ? undefined : trigger,
    ...(element === undefined || isRefused || isLost ? {} : { [element]: plainNumber(deadband) }),
  };
}

function isTooLarge(element: string, deadband: number): boolean {
  return element === "deadbandPercent" && deadband > 100;
}

/** Only a number moves by an amount. Of its size, which may be that of an array, nothing is known. */
export function typeOfMonitored(settings: Settings, findings: Findings): Pick<NodeDraft, "dataType" | "settings"> {
  if (settings["deadband"] === undefined && settings["deadbandPercent"] === undefined)
    return { dataType: "Variant", settings };
  findings.note(
    "nodes with a deadband got <datatype>Double</datatype>, because the file does not say which number they are",
  );
  return { dataType: "Double", settings: { ...settings, capacity: "256" } };
}
