import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { fillTemplate } from '@houston/common/domain/message-template.js';
import { invalid, Problem } from '../http/problem.js';
import type { MessageTemplateRow } from '../message-templates/message-template.row.js';
import { MessageTemplateStore } from '../message-templates/message-template.store.js';
import type { SendMessageDto } from './agent-message.dto.js';
import { type Letter, MAX_BODY, MAX_SUBJECT } from './agent-message.row.js';

/** Makes a letter of what was asked for and, where it names one, a template. */
@Injectable()
export class LetterWriter {
  constructor(@Inject(MessageTemplateStore) private readonly templates: MessageTemplateStore) {}

  /** @throws Problem invalid_values */
  async write(tx: Tx, body: SendMessageDto): Promise<Letter> {
    const template = body.template === undefined ? null : await this.templates.find(tx, body.template);
    if (body.template !== undefined && !template)
      throw invalid('template', 'No template of this workspace is called so.');
    if (body.variables !== undefined && !template) throw invalid('variables', 'They need a template.');
    const text = body.body ?? filled(template?.body, body.variables, 'body', MAX_BODY);
    if (text === null) throw invalid('body', 'Give a body or a template.');
    return {
      type: body.type ?? template?.type ?? 'info',
      priority: body.priority ?? template?.priority ?? 'normal',
      subject: body.subject ?? filled(template?.subject, body.variables, 'subject', MAX_SUBJECT),
      body: text,
      task_id: body.taskId ?? null,
      reply_to: body.replyTo ?? null,
      template: template?.name ?? null,
      ...acknowledgement(body, template),
    };
  }
}

function acknowledgement(
  { requiresAck, ackWithinSeconds }: SendMessageDto,
  template: MessageTemplateRow | null,
): Pick<Letter, 'requires_ack' | 'ack_within_seconds'> {
  if (requiresAck === false) {
    if (ackWithinSeconds === undefined) return { requires_ack: false, ack_within_seconds: null };
    throw invalid('ackWithinSeconds', 'What needs no acknowledgement has no time for it.');
  }
  const seconds = ackWithinSeconds ?? template?.ack_within_seconds ?? null;
  return {
    requires_ack: requiresAck ?? (seconds !== null || template?.requires_ack === true),
    ack_within_seconds: seconds,
  };
}

function filled(
  template: string | null | undefined,
  variables: Record<string, string> = {},
  field: string,
  longest: number,
): string | null {
  if (template === null || template === undefined) return null;
  const answer = fillTemplate(template, variables, longest);
  if (answer.kind === 'missing') {
    throw new Problem('invalid_values', {
      detail: `The template needs ${answer.names.join(', ')}.`,
      errors: answer.names.map((name) => ({
        path: `variables.${name}`,
        message: `The ${field} of the template needs it.`,
      })),
    });
  }
  if (answer.kind === 'filled' && answer.text !== '') return answer.text;
  throw invalid('variables', `They make a ${field} that is empty or longer than ${longest} characters.`);
}
