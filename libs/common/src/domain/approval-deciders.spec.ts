import fc from 'fast-check';
import { type Assignee, DEFAULT_ASSIGNEES, type Decider, isSameParty, mayDecide } from './approval-deciders.js';
import { APPROVAL_POLICIES } from './approval-policy.js';

const somebody = (more: Partial<Decider>): Decider => ({
  keyId: 'key',
  agentId: null,
  memberId: null,
  role: 'member',
  ...more,
});

describe('who may decide', () => {
  it('is an owner or admin where nobody is named', () => {
    const may = (role: string) => mayDecide('pending', DEFAULT_ASSIGNEES, somebody({ role }));
    expect(['owner', 'admin', 'member', 'agent', 'viewer'].map(may)).toEqual([true, true, false, false, false]);
  });

  it('is whoever is named, the roles above one that is named, and an owner', () => {
    const asked: Assignee[] = [{ member: 'ada' }, { agent: 'reviewer' }];
    expect(mayDecide('pending', asked, somebody({ memberId: 'ada' }))).toBe(true);
    expect(mayDecide('pending', asked, somebody({ role: 'agent', agentId: 'reviewer' }))).toBe(true);
    expect(mayDecide('pending', asked, somebody({ memberId: 'bob' }))).toBe(false);
    expect(mayDecide('pending', asked, somebody({ role: 'admin' }))).toBe(false);
    expect(mayDecide('pending', asked, somebody({ role: 'owner' }))).toBe(true);
    expect(mayDecide('pending', [{ role: 'member' }], somebody({ role: 'admin' }))).toBe(true);
    expect(mayDecide('pending', [{ role: 'admin' }], somebody({ role: 'member' }))).toBe(false);
    expect(mayDecide('pending', [{ role: 'member' }], somebody({ role: 'agent' }))).toBe(false);
  });

  it('is an owner alone where it is blocked, whoever is named', () => {
    const asked: Assignee[] = [{ role: 'member' }, { member: 'ada' }, { agent: 'reviewer' }];
    for (const role of ['admin', 'member', 'agent', 'viewer']) {
      expect(mayDecide('blocked', asked, somebody({ role, memberId: 'ada', agentId: 'reviewer' }))).toBe(false);
    }
    expect(mayDecide('blocked', asked, somebody({ role: 'owner' }))).toBe(true);
  });

  it('is never nobody: an owner always may', () => {
    fc.assert(
      fc.property(fc.constantFrom(...APPROVAL_POLICIES), fc.array(fc.uuid()), (policy, members) => {
        expect(
          mayDecide(
            policy,
            members.map((member) => ({ member })),
            somebody({ role: 'owner' }),
          ),
        ).toBe(true);
      }),
    );
  });
});

describe('one and the same party', () => {
  it('is the same key, the same agent with another key, or the same member with another key', () => {
    const one = somebody({ keyId: 'a', agentId: 'researcher', memberId: 'ada' });
    expect(isSameParty(one, somebody({ keyId: 'a' }))).toBe(true);
    expect(isSameParty(one, somebody({ keyId: 'b', agentId: 'researcher' }))).toBe(true);
    expect(isSameParty(one, somebody({ keyId: 'b', memberId: 'ada' }))).toBe(true);
  });

  it('is nobody else: two keys that are bound to nothing are two', () => {
    expect(isSameParty(somebody({ keyId: 'a' }), somebody({ keyId: 'b' }))).toBe(false);
    const [one, other] = [somebody({ keyId: 'a', agentId: 'x' }), somebody({ keyId: 'b', agentId: 'y' })];
    expect(isSameParty(one, other)).toBe(false);
  });
});
