import {
  type Checked,
  count,
  listOf,
  oneOf,
  orNull,
  orOlder,
  record,
  text,
} from "../../../../contract/json-check.js";
import { checkedOrNull } from "../../../../contract/parse-checked.js";
import { newDuty } from "../../jobs/duties.js";
import type { Job } from "../../jobs/job.js";
import type { Duty, StoredJob } from "../../jobs/stored-job.js";

/** The request of a job that a rule started. It is in the job's file, so that a server that starts again knows it. */
const routedRequest = record({
  dicom_series: record({
    study: text,
    series: text,
    output: listOf(oneOf(["seg", "rtstruct"])),
    send_to: orNull(text),
    /** The number of objects when the job began; null if an older program did not note it. */
    objects: orOlder(orNull(count), null),
  }),
});

export type RoutedSeries = Checked<typeof routedRequest>["dicom_series"];

/** Returns the series whose rule started a job; null for a job that a client sent. */
export const routedSeries = ({ request }: Pick<Job, "request">): RoutedSeries | null =>
  checkedOrNull(request, routedRequest)?.dicom_series ?? null;

/** The results of a job that a rule started go into their study. */
export const seriesDuties = (job: StoredJob): readonly Duty[] =>
  job.state === "done" && routedSeries(job) !== null ? [newDuty("dicom-results")] : [];
