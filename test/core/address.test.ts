import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalAddress,
  formatIpv4,
  formatIpv6,
  isGroupAddress,
  isLoopback,
  isPrivateAddress,
  isUnspecified,
  parseAddress,
} from '../../src/core/address.js';

describe('addresses', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['1::', '1::'],
  ])('write %s as %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'g::',
    '::1.2.3',
  ])('refuse %j', (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  it('come back from their text', () => {
    const word = fc.oneof(fc.nat(0xffff_ffff), fc.constant(0), fc.constant(1), fc.constant(0x10000));
    fc.assert(
      fc.property(word, word, word, word, (a, b, c, d) => {
        expect(parseAddress(formatIpv4(a))).toEqual({ version: 4, words: [a] });
        const mapped = a === 0 && b === 0 && c === 0xffff;
        expect(parseAddress(formatIpv6(a, b, c, d))).toEqual(
          mapped ? { version: 4, words: [d] } : { version: 6, words: [a, b, c, d] },
        );
        expect(formatIpv6(a | 0, b | 0, c | 0, d | 0)).toBe(formatIpv6(a, b, c, d));
      }),
    );
  });

  it('tells addresses that many networks have', () => {
    const there = [
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.7.7',
      '100.64.0.1',
      '100.127.9.9',
      'fd00::1',
      'fc00::',
    ];
    const elsewhere = [
      '11.0.0.1',
      '172.15.0.1',
      '172.32.0.1',
      '192.169.0.1',
      '100.63.0.1',
      '100.128.0.1',
      'fe80::1',
      '2001:db8::1',
      'x',
    ];
    expect(there.filter((address) => !isPrivateAddress(address))).toEqual([]);
    expect(elsewhere.filter(isPrivateAddress)).toEqual([]);
  });

  it('know their kinds', () => {
    expect(['0.0.0.0', '::', '192.0.2.1'].map(isUnspecified)).toEqual([true, true, false]);
    expect(['127.0.0.1', '127.9.9.9', '::1', '128.0.0.1', '::2'].map(isLoopback)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(
      ['224.0.0.1', '239.1.1.1', '240.0.0.1', '255.255.255.255', 'ff02::1', 'fe80::1', 'ff::1'].map(isGroupAddress),
    ).toEqual([true, true, false, true, true, false, false]);
  });
});
