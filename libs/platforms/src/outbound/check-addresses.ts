import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isLoopback, isPublicAddress } from './public-address.ts';

/** All addresses of a host, as the operating system's `dns.promises.lookup(host, { all: true })` answers them. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** Says of an address whether a connection to it may be made. */
export type AddressRule = (address: string) => boolean;

/** A name has an address that no request may go to. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/** Plain HTTP goes to loopback alone; TLS to the public Internet, and to loopback where that is allowed. */
export const addressRule =
  (protocol: string, allowInsecureLoopback: boolean): AddressRule =>
  (address) =>
    (protocol === 'https:' && isPublicAddress(address)) || (allowInsecureLoopback && isLoopback(address));

/**
 * A `lookup` for sockets that resolves once, checks what came, and hands out exactly the checked addresses to connect to:
 * a name that is resolved again for the connection could have moved in between (DNS rebinding). One refused address
 * refuses the name: a public name that also points inside is an attack or a mistake.
 */
export const checkedLookup =
  (resolve: Resolve, rule: AddressRule): LookupFunction =>
  (host, options, callback) => {
    resolve(host).then(
      (addresses) => {
        const [first] = addresses;
        if (!first || !addresses.every(({ address }) => rule(address)))
          callback(new AddressRefused('an address of the host is not in the public Internet'), '');
        else if (options.all) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error('the host was not resolved'), ''),
    );
  };
