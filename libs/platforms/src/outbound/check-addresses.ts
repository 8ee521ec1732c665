import type { LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** All addresses of a host, in the form of `dns.promises.lookup(host, { all: true })`. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** Whether a connection to an address is allowed. */
export type AddressRule = (address: string) => boolean;

/** A host has an address that no request may go to. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/** Plain HTTP goes to loopback only; TLS to the public Internet, and to loopback where `allowInsecureLoopback` is set. */
export const addressRule =
  (protocol: string, allowInsecureLoopback: boolean): AddressRule =>
  (address) =>
    (protocol === 'https:' && isPublicAddress(address)) || (allowInsecureLoopback && isLoopback(address));

/**
 * A `lookup` for sockets that resolves once, checks the addresses, and returns exactly the checked ones to connect to.
 * Resolving the name again for the connection could give other addresses (DNS rebinding). One refused address refuses the
 * name: a public name that also points to a private network is an attack or a mistake.
 */
export const checkedLookup =
  (resolve: Resolve, rule: AddressRule): LookupFunction =>
  (host, options, callback) => {
    resolve(host).then(
      (addresses) => {
        const [first] = addresses;
        if (!first || !addresses.every(({ address }) => rule(address)))
          callback(new AddressRefused('the host has an address outside the public Internet'), '');
        else if (options.all) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error('the host was not resolved'), ''),
    );
  };

/** IPv4 that is not the public Internet: IANA's special-purpose registry, multicast and the reserved rest. */
const SPECIAL_V4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // shared address space of carriers
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local; clouds serve instance metadata and credentials at 169.254.169.254
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // former 6to4 relays
  ['192.168.0.0', 16], // private
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
];

/** Parts of the global unicast space of IPv6 that are special, or that embed an IPv4 address, which would be unchecked. */
const SPECIAL_V6: readonly (readonly [network: string, prefix: number])[] = [
  ['2001::', 23], // protocol assignments, Teredo
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4
  ['3fff::', 20], // documentation
];

const blockList = (ranges: readonly (readonly [string, number])[], family: 'ipv4' | 'ipv6'): BlockList => {
  const list = new BlockList();
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, family);
  return list;
};

const specialV4 = blockList(SPECIAL_V4, 'ipv4');
const specialV6 = blockList(SPECIAL_V6, 'ipv6');
/** RFC 4291 §2.4. Mapped IPv4, NAT64, link-local, unique local and multicast addresses are outside of it. */
const globalUnicast = blockList([['2000::', 3]], 'ipv6');

/**
 * Whether `address` is in the public Internet. An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4, Teredo) never
 * counts as public: no name server has a reason to return one.
 */
export const isPublicAddress = (address: string): boolean => {
  switch (isIP(address)) {
    case 4:
      return !specialV4.check(address, 'ipv4');
    case 6:
      return !address.includes('%') && globalUnicast.check(address, 'ipv6') && !specialV6.check(address, 'ipv6');
    default:
      return false;
  }
};

const loopbackV4 = blockList([['127.0.0.0', 8]], 'ipv4');

/** Whether `address` is 127.0.0.0/8 or ::1. A mapped loopback address is not. */
export const isLoopback = (address: string): boolean =>
  isIP(address) === 4 ? loopbackV4.check(address, 'ipv4') : address === '::1';

/** Whether the host of a URL is a loopback address or `localhost`. */
export const isLoopbackHost = (host: string): boolean => host === 'localhost' || isLoopback(withoutBrackets(host));

/** The host of a URL in the form of resolvers and sockets: without the brackets of IPv6. */
export const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');
