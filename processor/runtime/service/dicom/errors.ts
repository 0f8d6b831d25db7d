import { defineErrors } from "../../../contract/errors.js";

/** The errors of the exchange of DICOM objects. */
export const exchangeError = defineErrors({
  DICOM_QUERY_INVALID: {
    exit: 2,
    http: 400,
    help: "Name attributes by their keyword or eight hexadecimal digits; UIDs have up to 64 digits and dots.",
  },
  DICOM_UNKNOWN_OBJECT: { exit: 2, http: 404, help: "GET /dicomweb/studies lists what is there." },
  DICOM_NOT_ACCEPTABLE: {
    exit: 2,
    http: 406,
    help: "Objects are sent as they are stored: accept transfer-syntax=*, application/dicom, application/octet-stream or application/dicom+json.",
  },
  DICOM_BODY_INVALID: {
    exit: 2,
    http: 415,
    help: 'Send multipart/related; type="application/dicom" with a boundary, or one object as application/dicom.',
  },
  DICOM_REQUEST_TOO_LARGE: {
    exit: 2,
    http: 413,
    help: "Send fewer objects at once; the limit is the server's own.",
  },
  DICOM_UID_TAKEN: {
    exit: 4,
    http: 409,
    help: "Remove the other object first, or send this one with UIDs of its own.",
  },
  DICOM_STORE_FULL: {
    exit: 5,
    http: 507,
    help: "The operator of the service must remove studies, or allow it more space.",
  },
  DICOM_PEER_UNREACHABLE: {
    exit: 5,
    http: 502,
    help: "Check address, port and AE titles of the other side, and whether it accepts this one.",
  },
  DICOM_RULES_INVALID: {
    exit: 2,
    http: 400,
    help: "Correct dicom_rules in the file of models, as the message says.",
  },
});
