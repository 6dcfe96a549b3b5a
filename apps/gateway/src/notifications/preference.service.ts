import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Caller } from '../http/caller.js';
import { requireMatch } from '../http/etag.js';
import { notFound, Problem } from '../http/problem.js';
import { MemberStore } from '../members/member.store.js';
import type { PreferencesDto } from './preference.dto.js';
import { type Preferences, PreferenceStore } from './preference.store.js';

/** How members wish to be told. Everybody sets their own; owners and admins those of anybody. */
@Injectable()
export class PreferenceService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(PreferenceStore) private readonly store: PreferenceStore,
    @Inject(MemberStore) private readonly members: MemberStore,
  ) {}

  /** @throws Problem not_found, forbidden */
  find(caller: Caller, memberId: string): Promise<Preferences> {
    return this.db.inWorkspace(caller, async (tx) => {
      await this.requireOwn(tx, caller, memberId);
      return this.store.find(tx, memberId);
    });
  }

  /** Replaces them. @throws Problem not_found, forbidden, precondition_failed */
  replace(caller: Caller, memberId: string, body: PreferencesDto, ifMatch: string | undefined): Promise<Preferences> {
    return this.db.inWorkspace(caller, async (tx) => {
      await this.requireOwn(tx, caller, memberId);
      requireMatch(ifMatch, (await this.store.find(tx, memberId)).version);
      const wanted = { rules: body.rules, quietHours: body.quietHours ?? null };
      const version = await this.store.save(tx, memberId, wanted);
      const data = { memberId, rules: body.rules.length, hasQuietHours: wanted.quietHours !== null };
      await appendEvent(tx, { type: 'preferences.changed', actor: caller.actor, subject: `member:${memberId}`, data });
      return { ...wanted, version };
    });
  }

  private async requireOwn(tx: Tx, caller: Caller, memberId: string): Promise<void> {
    if (!(await this.members.find(tx, memberId))) throw notFound();
    if (caller.memberId === memberId || caller.role === 'owner' || caller.role === 'admin') return;
    throw new Problem('forbidden', { detail: 'These are the wishes of another member.' });
  }
}
