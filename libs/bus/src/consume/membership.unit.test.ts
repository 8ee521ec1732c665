import { expect, it } from 'vitest';
import { Membership } from './membership.ts';

it('is confirmed by heartbeats of its generation, also after a rebalance without a join', () => {
  const membership = new Membership();
  membership.joined();
  expect(membership.confirmed(4)).toBe(true);
  membership.rebalancing();
  expect(membership.confirmed(4)).toBe(true);
});

it('is not confirmed by a heartbeat of a later generation before it has joined that generation', () => {
  const membership = new Membership();
  membership.joined();
  membership.confirmed(4);
  membership.rebalancing();
  expect(membership.confirmed(5)).toBe(false);
  expect(membership.confirmed(5)).toBe(false);
  membership.joined();
  expect(membership.confirmed(5)).toBe(true);
});

it('is not confirmed after a rebalance that came before the first heartbeat', () => {
  const membership = new Membership();
  membership.joined();
  membership.rebalancing();
  expect(membership.confirmed(4)).toBe(false);
});

it('is stale until it has joined, and not right after', () => {
  const membership = new Membership();
  expect(membership.isStale(1_000)).toBe(true);
  membership.joined();
  expect(membership.isStale(1_000)).toBe(false);
});
