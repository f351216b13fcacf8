/** The page that mends what an alarm is about. */

import type { TextKey } from "../i18n/index.svelte";

export interface Remedy {
  address: string;
  text: TextKey;
}
interface Alarm {
  kind: string;
  line: string;
  camera?: string | null;
}
type Place = (line: string, camera: string) => string;

const CONNECT: Place = (line, camera) => `/connect?line=${line}${camera && `&camera=${camera}`}`;
const REVIEW: Place = (line) => `/review?line=${line}`;
const TUNE: Place = (line) => `/lines/${line}/tune`;
const VERSIONS: Place = (line) => `/lines/${line}/versions`;
const QUALIFICATION: Place = (line) => `/lines/${line}/qualification`;
const LINE: Place = (line) => `/lines/${line}`;
const CAMERA: Place = (line, camera) => (camera ? `/cameras/${line}/${camera}` : "/cameras");

const REMEDIES: Readonly<Record<string, readonly [Place, TextKey]>> = {
  UNKNOWN_CAMERA: [CONNECT, "remedy.connect"],
  UNKNOWN_LINE: [CONNECT, "remedy.connect"],
  UNKNOWN_TOPIC: [() => "/connect", "remedy.connect"],
  TOPIC_INVALID: [() => "/connect", "remedy.connect"],
  RUNG_HARMS: [TUNE, "remedy.tune"],
  THINKING_HARMS: [TUNE, "remedy.tune"],
  OVERLOAD: [TUNE, "remedy.tune"],
  UNQUALIFIED: [QUALIFICATION, "remedy.qualify"],
  REVIEW_BACKLOG: [REVIEW, "remedy.review"],
  REJECT_SHARE: [VERSIONS, "remedy.versions"],
  PIPELINE_LIVE: [VERSIONS, "remedy.versions"],
  ACK_MISSING: [LINE, "remedy.line"],
  GATE_DIFFERS: [LINE, "remedy.line"],
  PICTURE_DRIFT: [CAMERA, "remedy.camera"],
  QOS_TOO_LOW: [CAMERA, "remedy.camera"],
  SEQUENCE_GAP: [CAMERA, "remedy.camera"],
  COUNTER_RESTARTED: [CAMERA, "remedy.camera"],
  COUNTER_JUMPED: [CAMERA, "remedy.camera"],
  CLOCK_SKEW: [CAMERA, "remedy.camera"],
  TRIGGER_REUSED: [CAMERA, "remedy.camera"],
  RETAINED_FRAME: [CAMERA, "remedy.camera"],
};

/** Return where the cause of an alarm is mended; null where no page does it. */
export function remedyOf({ kind, line, camera }: Alarm): Remedy | null {
  const found = REMEDIES[kind];
  if (!found) return null;
  const [place, text] = found;
  return { address: place(encodeURIComponent(line), encodeURIComponent(camera ?? "")), text };
}
