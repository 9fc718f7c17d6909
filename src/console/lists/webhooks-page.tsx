import { useQuery } from "@connectrpc/connect-query";
import { useState } from "react";
import { type Webhook, WebhookKind, WebhookState } from "../../client/index.ts";
import { WebhookService } from "../../proto.ts";
import { pageSize, webhooks } from "../api.ts";
import { WebhookBadge } from "../ui/badge.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { ErrorNote } from "../ui/error-note.tsx";
import { stateName } from "../ui/format.ts";
import { Ago } from "../ui/time.tsx";
import { ListPage, useChange } from "./list-page.tsx";

/** The outgoing webhooks. */
export function WebhooksPage() {
  const { data, error } = useQuery(WebhookService.method.listWebhooks, { pageSize });
  return (
    <ListPage
      title="Webhooks"
      error={error}
      empty="There is no outgoing webhook."
      more={!!data?.nextPageToken}
    >
      {data?.webhooks.map((webhook) => (
        <li key={webhook.id}>
          <WebhookCard webhook={webhook} />
        </li>
      ))}
    </ListPage>
  );
}

function WebhookCard({ webhook }: { webhook: Webhook }) {
  const { id, url, source, state } = webhook;
  const { change, isPending, error } = useChange();
  const [deleting, setDeleting] = useState(false);
  const active = state === WebhookState.ACTIVE;
  return (
    <article className="card">
      <header>
        <h2 className="url">{url}</h2>
        <WebhookBadge state={state} />
      </header>
      <dl className="facts">
        <dt>Follows</dt>
        <dd>
          {source.case === "taskId" ? (
            <a href={`#/tasks/${source.value}`}>one task</a>
          ) : (
            `all tasks of ${source.value}`
          )}
        </dd>
        <dt>Posts</dt>
        <dd>{webhook.kinds.map((kind) => stateName(WebhookKind[kind])).join(", ") || "everything"}</dd>
        <dt>Delivered</dt>
        <dd>{webhook.deliveryTime ? <Ago time={webhook.deliveryTime} /> : "nothing yet"}</dd>
        {webhook.failures > 0 && (
          <>
            <dt>Failing</dt>
            <dd>
              {webhook.failures} attempts, the last with {webhook.lastError}
              {webhook.retryTime && (
                <>
                  ; again <Ago time={webhook.retryTime} />
                </>
              )}
            </dd>
          </>
        )}
      </dl>
      <ErrorNote error={error} />
      <footer className="actions">
        {active && (
          <button type="button" disabled={isPending} onClick={() => change(() => webhooks.pause(id))}>
            Pause
          </button>
        )}
        {(!active || webhook.failures > 0) && (
          <button type="button" disabled={isPending} onClick={() => change(() => webhooks.resume(id))}>
            {active ? "Try again now" : "Resume"}
          </button>
        )}
        <button type="button" className="danger" disabled={isPending} onClick={() => setDeleting(true)}>
          Delete
        </button>
      </footer>
      {deleting && (
        <ConfirmDialog
          title="Delete this webhook?"
          text={`Nothing more is posted to ${url}.`}
          action="Delete"
          onConfirm={() => change(() => webhooks.delete(id))}
          onClose={() => setDeleting(false)}
        />
      )}
    </article>
  );
}
