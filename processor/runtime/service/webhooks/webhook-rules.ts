import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { serviceError } from "../errors.js";

export interface WebhookSettings {
  /** The operator's own address, which receives every end; null for none. */
  readonly url: string | null;
  /** The hosts that requests may name. */
  readonly allowedHosts: readonly string[];
  /** The key of the signature; null for none. */
  readonly secret: string | null;
  /** The time before each attempt. The sender waits between half and one and a half times as long, at random. */
  readonly pausesMs: readonly number[];
}

/**
 * Checks an address that a request names.
 *
 * @throws WEBHOOK_FORBIDDEN for a host that the operator does not allow
 */
export function requireAllowedWebhook(address: string, { allowedHosts }: WebhookSettings): void {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "")
    throw serviceError(
      "WEBHOOK_FORBIDDEN",
      "update_url must be an address that starts with https:// or http://, without a password",
    );
  if (!allowedHosts.includes(url.hostname) && !allowedHosts.includes(url.host))
    throw serviceError("WEBHOOK_FORBIDDEN", `this server sends nothing to ${url.hostname}`);
}

const privateAddresses = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const)
  privateAddresses.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of [
  ["::", 127],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
  ["64:ff9b::", 96],
] as const)
  privateAddresses.addSubnet(network, prefix, "ipv6");

/** Returns whether an IP address is of this machine or a private network. */
export const isPrivateAddress = (address: string): boolean =>
  privateAddresses.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");

/**
 * Returns an address of a host to which a client's webhook may go. A name that leads to a private network is refused unless
 * the operator allowed that address itself.
 *
 * @throws WEBHOOK_FORBIDDEN
 */
export async function publicAddressOf(hostname: string, allowedHosts: readonly string[]): Promise<string> {
  const name = hostname.replace(/^\[(.*)\]$/, "$1");
  const addresses =
    isIP(name) === 0 ? (await lookup(name, { all: true })).map(({ address }) => address) : [name];
  const found = addresses.find((address) => !isPrivateAddress(address) || allowedHosts.includes(address));
  if (found !== undefined) return found;
  throw serviceError("WEBHOOK_FORBIDDEN", `${hostname} is an address of a private network`);
}
