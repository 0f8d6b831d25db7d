import { defineErrors } from "../../contract/errors.js";

/** The errors that only the service reports: about requests, access, jobs and its own start. */
export const serviceError = defineErrors({
  REQUEST_INVALID: {
    exit: 2,
    http: 422,
    help: "GET /openapi.json and GET /request-params describe every field of a request.",
  },
  MODEL_UNKNOWN: { exit: 3, http: 400, help: "GET /v1/models lists the models of this server." },
  MODEL_UNAVAILABLE: {
    exit: 3,
    http: 503,
    help: "The server's log and GET /readyz say what the model lacks; ask the server's operator.",
  },
  SERIES_INVALID: {
    exit: 4,
    http: 400,
    help: "Name one series for each channel of the model, in the order that GET /v1/models shows.",
  },
  PATH_MODE_OFF: {
    exit: 2,
    http: 403,
    help: "Upload the images, or ask the operator for a data root. --data-root DIR allows paths below DIR.",
  },
  PATH_FORBIDDEN: {
    exit: 2,
    http: 400,
    help: "Use paths below the server's data roots, without links that lead out of them.",
  },
  TOKEN_MISSING: { exit: 2, http: 401, help: "Send the header `Authorization: Bearer TOKEN`." },
  ACCESS_DENIED: {
    exit: 2,
    http: 403,
    help: "Use a token with the scope that the request needs: read, infer or admin.",
  },
  CROSS_SITE: {
    exit: 2,
    http: 403,
    help: "A web page of another site may not use this server. --cors-origin allows one origin.",
  },
  ROUTE_UNKNOWN: { exit: 2, http: 404, help: "GET /openapi.json lists every route." },
  ADDRESS_INVALID: {
    exit: 2,
    http: 400,
    help: "Send a path that starts with /, as GET /openapi.json shows.",
  },
  METHOD_NOT_ALLOWED: { exit: 2, http: 405, help: "The header Allow names the methods of the route." },
  JOB_UNKNOWN: {
    exit: 2,
    http: 404,
    help: "GET /v1/jobs lists the jobs; finished ones are removed after some days.",
  },
  JOB_ENDED: { exit: 2, http: 409, help: "Only a job that waits or runs can be canceled." },
  JOB_EXISTS: { exit: 2, http: 409, help: "Use another id or Idempotency-Key for another request." },
  FILE_UNKNOWN: { exit: 2, http: 404, help: "GET /v1/jobs/{id}/files lists the files of a job." },
  UPLOAD_UNKNOWN: { exit: 2, http: 404, help: "Start the upload again with POST /v1/uploads." },
  UPLOAD_INVALID: {
    exit: 4,
    http: 400,
    help: "Send the rest of the file from the position that the server names.",
  },
  FORM_INVALID: {
    exit: 4,
    http: 400,
    help: "Send multipart/form-data with one field request (JSON) and each image in a field file, to its end.",
  },
  FILE_NAME_INVALID: {
    exit: 4,
    http: 400,
    help: "Give each file a name of its own, without .. and control characters, in at most nine folders.",
  },
  UPLOAD_TOO_LARGE: {
    exit: 4,
    http: 413,
    help: "Send fewer or compressed images. --max-upload raises the limit.",
  },
  SCAN_TOO_LARGE: {
    exit: 4,
    http: 413,
    help: "Send a part of the scan, or a coarser one. --max-voxels raises the limit.",
  },
  MEDIA_TYPE_UNKNOWN: {
    exit: 4,
    http: 415,
    help: "Send JSON, a form with files, or an archive: .zip, .tar, .tar.gz or .tgz.",
  },
  RATE_LIMITED: { exit: 5, http: 429, help: "Wait as long as the header Retry-After says." },
  QUEUE_FULL: { exit: 5, http: 503, help: "Try again later. --max-queue allows more waiting jobs." },
  LOAD_TIMEOUT: {
    exit: 5,
    http: 503,
    help: "Raise load_timeout_min in the file of models, or convert the models before (`build_processor convert`).",
  },
  NOT_READY: {
    exit: 5,
    http: 503,
    help: "The server is starting or stopping, or its queue does not answer; try again later.",
  },
  MODEL_NOT_SERVED: { exit: 3, http: 404, help: "GET /v1/models lists the models of this server." },
  WEBHOOK_FORBIDDEN: {
    exit: 2,
    http: 400,
    help: "Ask the operator to allow the host of update_url. --webhook-allow HOST does so.",
  },
  ORTHANC_FAILED: {
    exit: 5,
    http: 502,
    help: "Check that Orthanc runs and has the series. --orthanc-url names it.",
  },
  NOT_OFFERED: {
    exit: 2,
    http: 501,
    help: "Send images to POST /v1/jobs instead; GET /openapi.json describes it.",
  },
  DEVICE_BUSY: {
    exit: 5,
    http: 503,
    help: "Try again later, or lower min_mem of the model. --gpu-wait waits longer for a GPU.",
  },
  SERVER_RESTARTED: {
    exit: 5,
    http: 500,
    help: "Send the request again. --resume repeats such jobs by itself.",
  },
  WORKER_DIED: {
    exit: 5,
    http: 500,
    help: "The system or native code ended the process that computes; the server's log has its last lines.",
  },
  CANCELED: { exit: 130, http: 409, help: "Send the request again if it was canceled by mistake." },
  SPEC_INVALID: {
    exit: 2,
    http: 500,
    help: "Correct the file that names the models, as the lines above say.",
  },
  SERVICE_USAGE: { exit: 2, http: 500, help: "Run `serve --help` to see the options and what they need." },
  FOLDER_IN_USE: {
    exit: 2,
    http: 500,
    help: "Stop the other server, or give each server a folder of its own. --output-dir names it.",
  },
});

/** What a client learns of a fault of this program. The log has the rest. */
export const bugAnswer = {
  code: "BUG",
  message: "the server has a fault",
  help: "The server's log says more.",
} as const;
