import { type Acknowledgement, joinedWords, type LeaseAct } from './lease-words.js';

describe('words about leases that arrive together', () => {
  const presented = (taskId: string, fence = 1, agentId: string | null = 'a') => ({
    bearer: { organizationId: 'o', workspaceId: 'w', agentId, actor: 'key:k' },
    taskId,
    lease: { id: `lease-${taskId}`, fence },
  });
  const ack = (...of: Parameters<typeof presented>): Acknowledgement => ({ ...presented(...of), decide: null });
  const end = (...of: Parameters<typeof presented>): LeaseAct => ({
    ...presented(...of),
    isRowWanted: false,
    decide: () => {
      throw new Error('Nobody decides here');
    },
  });

  it('join an acknowledgement to the end of the same lease that follows it, and keep their order', () => {
    const words = [ack('1'), ack('2'), end('1'), end('3'), ack('4')] as const;
    const { alone, joined, acts } = joinedWords(words);
    expect(joined).toEqual([{ acknowledgement: words[0], act: words[2] }]);
    expect(alone).toEqual([words[1], words[4]]);
    expect(acts).toEqual([words[2], words[3]]);
  });

  it('do not join an end that came before, another lease of the task, nor the word of another agent', () => {
    const { alone, joined } = joinedWords([
      end('1'),
      ack('1'),
      ack('2', 1),
      end('2', 2),
      ack('3', 1, 'a'),
      end('3', 1, 'b'),
    ]);
    expect(joined).toEqual([]);
    expect(alone.map(({ taskId }) => taskId)).toEqual(['1', '2', '3']);
  });
});
