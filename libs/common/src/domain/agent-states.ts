/** What an agent is doing. Its transitions and how it is derived stand in agents/agent-states.sql, beside the one writer. */
export const AGENT_STATES = ['offline', 'idle', 'assigned', 'working', 'blocked', 'paused', 'draining'] as const;

/** Whether an agent can be relied on: `degraded` while its breaker is open or it does not answer to assignments. */
export const AGENT_HEALTHS = ['active', 'degraded', 'offline'] as const;

export const AGENT_LEVELS = ['intern', 'specialist', 'lead'] as const;
export const AGENT_LIFECYCLES = ['active', 'beta', 'deprecated'] as const;
export const TOKEN_PROFILES = ['light', 'normal', 'heavy'] as const;

export type AgentState = (typeof AGENT_STATES)[number];
export type AgentHealth = (typeof AGENT_HEALTHS)[number];
export type AgentLevel = (typeof AGENT_LEVELS)[number];
export type AgentLifecycle = (typeof AGENT_LIFECYCLES)[number];
export type TokenProfile = (typeof TOKEN_PROFILES)[number];
