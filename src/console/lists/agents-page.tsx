import { durationMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { type Agent, OnBusy } from "../../client/index.ts";
import { AgentService } from "../../proto.ts";
import { pageSize } from "../api.ts";
import { Badge } from "../ui/badge.tsx";
import { countOf, stateName } from "../ui/format.ts";
import { ListPage } from "./list-page.tsx";

/** The agents of the server, with what is known of their mailboxes. */
export function AgentsPage() {
  const { data, error } = useQuery(AgentService.method.listAgents, { pageSize });
  return (
    <ListPage title="Agents" error={error} empty="There is no agent." more={!!data?.nextPageToken}>
      {data?.agents.map((agent) => (
        <li key={agent.name}>
          <AgentCard agent={agent} />
        </li>
      ))}
    </ListPage>
  );
}

function AgentCard({ agent }: { agent: Agent }) {
  const tasksOf = `#/tasks?agent=${encodeURIComponent(agent.name)}`;
  return (
    <article className="card">
      <header>
        <h2>{agent.name}</h2>
        <a className="button" href={`${tasksOf}&new=1`}>
          New task
        </a>
      </header>
      <p className="soft">{agent.description || "It does not say what it does."}</p>
      <p className="chips">
        <a href={tasksOf}>{countOf(agent.unfinishedTasks, "unfinished task")}</a>
        <span>{countOf(agent.pendingEvents, "event")} in mailboxes</span>
        {agent.webhooks.map((name) => (
          <Badge key={name}>{`webhook ${name}`}</Badge>
        ))}
        {agent.schedules.map((name) => (
          <Badge key={name}>{`schedule ${name}`}</Badge>
        ))}
      </p>
      <details>
        <summary>Policies</summary>
        <dl className="facts">
          <dt>Mailbox</dt>
          <dd>
            {countOf(agent.mailbox?.maxPending ?? 0, "event")} at most,{" "}
            {countOf(agent.mailbox?.parallel ?? 1, "turn")} at once
          </dd>
          <dt>When busy</dt>
          <dd>{stateName(OnBusy[agent.onBusy])}</dd>
          <dt>Attempts</dt>
          <dd>{agent.retry?.maxAttempts}</dd>
          <dt>Turn timeout</dt>
          <dd>{agent.turnTimeout ? `${durationMs(agent.turnTimeout) / 1000} s` : "none"}</dd>
          <dt>Cancel grace</dt>
          <dd>{agent.cancelGrace ? `${durationMs(agent.cancelGrace) / 1000} s` : "none"}</dd>
          <dt>State</dt>
          <dd>{countOf(agent.stateHistory, "revision")} kept</dd>
          <dt>Retention</dt>
          <dd>{agent.retention ? `${durationMs(agent.retention) / 1000} s` : "for ever"}</dd>
        </dl>
      </details>
    </article>
  );
}
