/**
 * The step that adds trace contexts: those that an event was sent in and a task was made in, so that they outlive the server. Apart from the
 * contents, which are the clients'.
 */
export const traceSchema = `
  alter table events add column trace text;
  alter table tasks add column trace text;
  `;
