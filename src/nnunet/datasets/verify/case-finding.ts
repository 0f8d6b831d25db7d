import type { CaseFacts } from "../examine-case.js";
import type { ImageReaderName } from "../image-reader.js";
import { type DatasetFinding, type NnunetEffect, steps } from "./dataset-finding.js";

export interface CaseQuestion {
  readonly id: string;
  readonly facts: CaseFacts;
  readonly reader: ImageReaderName;
  readonly expectedLabels: readonly number[];
  readonly channelCount: number;
}

export const someImages = "RuntimeError: Some images have errors";
export const someLabels = "RuntimeError: Some segmentation images contained unexpected labels";
type Draft = Omit<DatasetFinding, "case" | "step"> & { readonly step?: number };

export const finding = ({ id }: CaseQuestion, draft: Draft): DatasetFinding => ({
  step: steps.cases,
  ...draft,
  case: id,
});

export const failsLater = (exception: string, line: string): NnunetEffect => ({
  kind: "fails-later",
  exception,
  line,
});
