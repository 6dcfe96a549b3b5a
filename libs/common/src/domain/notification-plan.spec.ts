import fc from 'fast-check';
import {
  NOTIFICATION_CHANNELS,
  planNotification,
  type PlanQuestion,
  type PreferenceRule,
} from './notification-plan.js';

const plain: PlanQuestion = { eventType: 'task.blocked', saysCritical: false, wanted: null, rules: [], hasMail: true };
const plan = (more: Partial<PlanQuestion>) => planNotification({ ...plain, ...more });

describe('a member', () => {
  it('is told in the inbox and by mail, and only in the inbox where no mail can be sent', () => {
    expect(plan({})).toEqual({ channels: ['inbox', 'email'], critical: false, digestSeconds: null });
    expect(plan({ hasMail: false }).channels).toEqual(['inbox']);
  });

  it('is told where whoever asks wants it, unless they have chosen otherwise', () => {
    expect(plan({ wanted: ['email', 'webhook'] }).channels).toEqual(['inbox', 'email']);
    expect(plan({ wanted: ['slack'], rules: [{ event: 'task.*', channels: ['email'] }] }).channels).toEqual(['email']);
  });

  it('finds it in the inbox also where only programs are asked for, or places where they may not be', () => {
    for (const wanted of [['webhook'], ['agent'], []] as const) expect(plan({ wanted }).channels).toEqual(['inbox']);
    expect(plan({ wanted: ['slack'] }).channels).toEqual(['inbox', 'slack']);
    expect(plan({ wanted: ['webhook'], rules: [{ event: '*', muted: true }] }).channels).toEqual([]);
  });

  it('is bound by the most particular of their rules, and not by one for other events', () => {
    const rules: PreferenceRule[] = [
      { event: '*', muted: true },
      { event: 'task.*', channels: ['email'] },
      { event: 'task.blocked', digestSeconds: 60 },
    ];
    expect(plan({ rules })).toEqual({ channels: ['inbox', 'email'], critical: false, digestSeconds: 60 });
    expect(plan({ rules, eventType: 'task.failed' }).channels).toEqual(['email']);
    expect(plan({ rules, eventType: 'tasks.failed' }).channels).toEqual([]);
  });

  it('cannot mute or put off what is critical, whatever the rules', () => {
    const rule = fc.record(
      {
        event: fc.constantFrom('*', 'escalation.*', 'escalation.raised', 'task.*'),
        channels: fc.subarray([...NOTIFICATION_CHANNELS]),
        muted: fc.boolean(),
        digestSeconds: fc.integer({ min: 1, max: 86_400 }),
      },
      { requiredKeys: ['event'] },
    );
    fc.assert(
      fc.property(fc.array(rule), fc.boolean(), fc.boolean(), (rules, isKnown, hasMail) => {
        const eventType = isKnown ? 'escalation.raised' : 'task.blocked';
        const { channels, critical, digestSeconds } = plan({ rules, hasMail, eventType, saysCritical: !isKnown });
        expect(critical).toBe(true);
        expect(channels).not.toEqual([]);
        expect(digestSeconds).toBeNull();
      }),
    );
  });
});
