// Bundles the web page before the tests, for those who compile with `tsc -b` alone. It is quick if nothing has changed.
export { bundlePage as setup } from "../viewer/bundle.mjs";
