/** Rules as they are asked for, for the document of the API. */
export const RULE_EXAMPLES = {
  blocked: {
    summary: 'Tell the owners when something urgent is blocked, then give it to somebody else',
    value: {
      name: 'Urgent and blocked',
      match: { priority: 'urgent', status: ['blocked'] },
      trigger: 'timeInStatus',
      threshold: 600,
      levels: [{ actions: ['notify'] }, { actions: ['notify', 'reassign'] }],
      cooldownSeconds: 900,
    },
  },
  errors: {
    summary: 'Raise the priority of what fails for want of a connection, unless it is internal',
    value: {
      name: 'Connection trouble',
      trigger: 'errorPattern',
      threshold: '(?i)econn(reset|refused)',
      condition: "!('internal' in task.tags)",
      actions: ['raisePriority', 'webhook'],
    },
  },
  silent: {
    summary: 'Tell one agent that another has fallen silent',
    value: {
      name: 'Researcher is silent',
      match: { agent: 'researcher' },
      trigger: 'agentSilent',
      threshold: 120,
      actions: [{ type: 'notify', recipients: [{ role: 'admin' }] }],
    },
  },
};
