import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoopback, isLoopbackHost, isPublicAddress } from './check-addresses.ts';

const octet = fc.integer({ min: 0, max: 255 });
const v4 = (...parts: readonly fc.Arbitrary<number>[]) => fc.tuple(...parts).map((octets) => octets.join('.'));
const is = (value: number) => fc.constant(value);

describe('an address is not public', () => {
  it.each([
    ['this network', v4(is(0), octet, octet, octet)],
    ['private, 10/8', v4(is(10), octet, octet, octet)],
    ['private, 172.16/12', v4(is(172), fc.integer({ min: 16, max: 31 }), octet, octet)],
    ['private, 192.168/16', v4(is(192), is(168), octet, octet)],
    ['shared by carriers', v4(is(100), fc.integer({ min: 64, max: 127 }), octet, octet)],
    ['loopback', v4(is(127), octet, octet, octet)],
    ['link-local, as cloud metadata is', v4(is(169), is(254), octet, octet)],
    ['multicast or reserved', v4(fc.integer({ min: 224, max: 255 }), octet, octet, octet)],
  ])('when it is %s', (_name, addresses) => {
    fc.assert(fc.property(addresses, (address) => !isPublicAddress(address)));
  });

  it('when it is an IPv4 address in an IPv6 address, even a public one', () => {
    const wrapped = fc.tuple(
      fc.constantFrom('::ffff:', '::', '64:ff9b::', '::ffff:0:'),
      v4(octet, octet, octet, octet),
    );
    fc.assert(fc.property(wrapped, ([prefix, address]) => !isPublicAddress(prefix + address)));
    for (const address of ['::ffff:a9fe:a9fe', '2002:a9fe:a9fe::1', '2001:0:4136:e378::1', '64:ff9b:1::a00:1'])
      expect(isPublicAddress(address), address).toBe(false);
  });

  it.each(['::', '::1', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd00:ec2::254', 'ff02::1', '2001:db8::1', '3fff::1'])(
    'when it is %s',
    (address) => expect(isPublicAddress(address)).toBe(false),
  );

  it.each(['', 'localhost', '2130706433', '0x7f000001', '127.1', '0177.0.0.1', '10.0.0.1 ', '[::1]', '1.1.1.1/8'])(
    'when it is no address, e.g. "%s"',
    (text) => expect(isPublicAddress(text)).toBe(false),
  );
});

it.each(['1.1.1.1', '142.250.1.95', '172.32.0.1', '100.128.0.1', '192.167.0.1', '2606:4700::1111', '2a00:1450::1'])(
  '%s is public',
  (address) => expect(isPublicAddress(address)).toBe(true),
);

it('loopback is 127.0.0.0/8 and ::1, and nothing is loopback and public', () => {
  expect(['127.0.0.1', '127.255.0.9', '::1'].every(isLoopback)).toBe(true);
  expect(['::ffff:127.0.0.1', '128.0.0.1', '0.0.0.0', 'localhost', ''].some(isLoopback)).toBe(false);
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => !(isLoopback(address) && isPublicAddress(address))),
  );
});

it('a loopback host is an address or localhost, and no similar name', () => {
  const hostOf = (url: string) => new URL(url).hostname;
  expect(
    ['http://2130706433/', 'http://0x7f.1/', 'http://[::1]/', 'http://LOCALHOST/'].map(hostOf).every(isLoopbackHost),
  ).toBe(true);
  expect(
    ['http://127.0.0.1.example/', 'http://localhost.example/', 'http://[::ffff:127.0.0.1]/']
      .map(hostOf)
      .some(isLoopbackHost),
  ).toBe(false);
});
