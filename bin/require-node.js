// Checks the version of Node before anything else is loaded, because an older Node stops at the first file that it
// cannot parse. processor/contract/require-node.ts does the same in images, which do not have this folder.
const [major, minor] = process.version.slice(1).split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `NODE_TOO_OLD: nnunet-processor needs Node 20.19 or newer, but this is Node ${process.version.slice(1)}. Install the current LTS from https://nodejs.org. On a cluster, \`module avail node\` may list it. Without administrator rights, unpack the archive from https://nodejs.org into your home folder and put its bin folder first in PATH.`,
  );
  process.exit(5);
}
