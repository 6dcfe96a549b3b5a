import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import type { ApprovalRow } from '@houston/common/approvals/approval.row.js';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { Database } from '@houston/common/db/database.js';
import { notificationText } from '@houston/common/notifications/notification-text.js';
import { notificationWakeup } from '@houston/common/notifications/notification-wakeup.js';
import { judgeEndpointUrl } from '@houston/common/webhooks/endpoint-url.js';
import { ApprovalService } from '../approvals/approval.service.js';
import { DecisionService } from '../approvals/decision.service.js';
import type { Caller } from '../http/caller.js';
import { Problem } from '../http/problem.js';
import { NotificationStore } from '../notifications/notification.store.js';
import { Wakeups } from '../webhooks/wakeups.js';
import { readSlackPress, type SlackPress } from './slack-press.js';
import { isSignedBySlack, type SignedRequest } from './slack-signature.js';
import { type SlackPlace, SlackStore } from './slack.store.js';

/** What is said in the message afterwards. */
interface Reply {
  title: string;
  text: string;
  /** The message is edited; otherwise only whoever pressed sees it, and the buttons stay. */
  isForAll: boolean;
}

/**
 * Takes the answers that are given by buttons in Slack. The signing secret of the channel says that Slack sent them; whom
 * Slack lets into that channel decides as an admin would: not what is for owners alone, nor what is asked of somebody by name.
 */
@Injectable()
export class SlackService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(SlackStore) private readonly store: SlackStore,
    @Inject(ApprovalService) private readonly approvals: ApprovalService,
    @Inject(DecisionService) private readonly decisions: DecisionService,
    @Inject(NotificationStore) private readonly notifications: NotificationStore,
    @Inject(Wakeups) private readonly wakeups: Wakeups,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {}

  /** @throws Problem unauthenticated when Slack did not sign it for one of our channels */
  async take(request: SignedRequest): Promise<void> {
    const press = readSlackPress(request.body);
    const place = press === null ? null : await this.placeOf(press);
    if (press === null || place === null || !isSignedBySlack(request, place.signingSecret, place.now)) {
      throw new Problem('unauthenticated', { detail: 'This is not signed with the secret of a Slack channel here.' });
    }
    await this.reply(press, await this.decide(press, place));
  }

  private placeOf({ button }: SlackPress): Promise<SlackPlace | null> {
    return this.db.inWorkspace(button, (tx) => this.store.place(tx, button.channelId));
  }

  private async decide(press: SlackPress, place: SlackPlace): Promise<Reply> {
    const { approvalId } = press.button;
    const comment = `In Slack, by ${press.userName}`;
    const caller = callerOf(press, place);
    try {
      const approval = await this.decisions.resolve(
        caller,
        approvalId,
        { decision: press.decision, comment },
        this.canReply(press) ? { slackChannelId: press.button.channelId } : {},
      );
      return { title: headline(approval), text: `By ${press.userName}, in Slack.`, isForAll: true };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // The message goes on saying what was decided, and by whom.
      if (error.code === 'already_decided') return decidedBefore(await this.approvals.find(caller, approvalId));
      return { title: 'Not decided', text: error.message, isForAll: error.code === 'not_found' };
    }
  }

  private canReply({ responseUrl }: Pick<SlackPress, 'responseUrl'>): boolean {
    return responseUrl !== null && judgeEndpointUrl(responseUrl, this.config.webhookAllowCidrs).ok;
  }

  private async reply({ button, responseUrl }: SlackPress, { isForAll, ...said }: Reply): Promise<void> {
    if (responseUrl === null || !this.canReply({ responseUrl })) return;
    const id = newId();
    const { channelId, approvalId } = button;
    const subject = `approval:${approvalId}`;
    const type = 'approval.resolved';
    // As in every notification: no secrets, no controls, no more than fits.
    const { title, text } = notificationText({ type, data: { ...said } });
    const words = { title, text, subject, type, isForAll };
    await this.db.inWorkspace(button, (tx) =>
      this.notifications.addReply(tx, { id, channelId, url: responseUrl, ...words }),
    );
    await this.wakeups.add(notificationWakeup({ ...button, notificationId: id, channel: 'slack', attemptCount: 0 }));
  }
}

function decidedBefore(approval: ApprovalRow): Reply {
  return { title: headline(approval), text: `Decided already. ${approval.comment ?? ''}`.trim(), isForAll: true };
}

function headline({ action, status }: ApprovalRow): string {
  return `${action}: ${status}`;
}

function callerOf({ button, userId }: SlackPress, { workspace, channelName }: SlackPlace): Caller {
  const { organizationId, workspaceId, channelId } = button;
  return {
    organizationId,
    workspaceId,
    keyId: channelId,
    keyName: channelName,
    prefix: '',
    role: 'admin',
    keyWorkspaceId: workspaceId,
    agentId: null,
    memberId: null,
    workspace,
    actor: `slack:${userId}`,
    policyVersion: 0n,
  };
}
