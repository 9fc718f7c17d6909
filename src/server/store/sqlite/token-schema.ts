/** The step that adds tokens. Of a token there is a digest, never the token. */
export const tokenSchema = `
  create table tokens (
    id text primary key,
    -- SHA-256 of the token, in base64url.
    digest text not null,
    principal text not null,
    role text not null,
    description text,
    created_at integer not null,
    expire_at integer
  ) strict, without rowid;

  create unique index tokens_digest on tokens (digest);
  create index tokens_created on tokens (created_at, id);

  -- One row: the key that task tokens are signed with, and how often the tokens have changed.
  create table token_facts (
    id integer primary key check (id = 1),
    signing_key blob,
    revision integer not null
  ) strict;

  insert into token_facts (id, revision) values (1, 0);
`;
