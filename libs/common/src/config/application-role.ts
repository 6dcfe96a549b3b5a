/** The role every process works as: owns no table, is no superuser, cannot bypass row level security. */
export const APPLICATION_ROLE = 'houston_app';
