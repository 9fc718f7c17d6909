import type { Sample } from "./samples.ts";

const width = 960;
const panelHeight = 150;
const margin = { left: 64, right: 16, top: 44, gap: 46 };
const colors = ["#1f6feb", "#d4762c"];

const panels: { title: string; columns: ("heap" | "rss" | "ratioP50" | "ratioP99" | "throughput")[] }[] = [
  { title: "Heap after a collection of garbage, MB", columns: ["heap"] },
  { title: "Memory of the process, MB", columns: ["rss"] },
  {
    title: "A durable send, as a multiple of an empty call: median (solid), 99th percentile (dashed)",
    columns: ["ratioP50", "ratioP99"],
  },
  { title: "Answers and log entries that clients got, per second", columns: ["throughput"] },
];

/** Draws samples as an SVG: a panel for each thing measured, a line for each server. */
export function plot(samples: Sample[]): string {
  const servers = [...new Set(samples.map(({ server }) => server))];
  const end = Math.max(1, ...samples.map(({ time }) => time));
  const height = margin.top + panels.length * (panelHeight + margin.gap);
  const body = [
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...servers.map((server, index) => {
      const x = margin.left + index * 320;
      return `<rect x="${x}" y="12" width="12" height="12" fill="${colors[index]}"/>${label(x + 18, 22, server)}`;
    }),
    ...panels.map((panel, index) => {
      const top = margin.top + 18 + index * (panelHeight + margin.gap);
      return `<g transform="translate(0 ${top})">${drawPanel(panel, samples, servers, end)}</g>`;
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#24292f"><title>An hour of the soak: heap, memory, latency and throughput</title>
${body.join("\n")}
</svg>
`;
}

function drawPanel(
  { title, columns }: (typeof panels)[number],
  samples: Sample[],
  servers: string[],
  end: number,
) {
  const values = samples.flatMap((sample) => columns.map((column) => finite(sample[column])));
  // What the slowest window of a busy machine came to would make all others a line at the bottom: it goes over the edge.
  const highest = values.toSorted((a, b) => a - b)[Math.ceil((values.length - 1) * 0.99)] ?? 1;
  const step = niceStep(highest / 3);
  const top = Math.max(step, Math.ceil(highest / step) * step);
  const x = (time: number) => round(margin.left + ((width - margin.left - margin.right) * time) / end);
  const y = (value: number) => round(panelHeight - (panelHeight * Math.min(value, top)) / top);
  const grid = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step).map(
    (value) =>
      `<path d="M${x(0)} ${y(value)}H${x(end)}" stroke="#d0d7de"/>${label(margin.left - 8, y(value) + 4, format(value), "end")}`,
  );
  const minutes = niceStep(end / 60 / 10);
  const marks = Array.from({ length: Math.floor(end / 60 / minutes) + 1 }, (_, index) => index * minutes).map(
    (minute) => label(x(minute * 60), panelHeight + 16, `${format(minute)} min`, "middle"),
  );
  const lines = servers.flatMap((server, index) =>
    columns.map((column, dash) => {
      const points = samples.filter((one) => one.server === server && Number.isFinite(one[column]));
      const path = points
        .map((one, nth) => `${nth === 0 ? "M" : "L"}${x(one.time)} ${y(one[column])}`)
        .join("");
      const dashed = dash > 0 ? ' stroke-dasharray="3 3" opacity="0.6"' : "";
      return `<path d="${path}" fill="none" stroke="${colors[index]}" stroke-width="1.3"${dashed}/>`;
    }),
  );
  return [
    `<text x="${margin.left}" y="-8" font-weight="600">${title}</text>`,
    ...grid,
    ...marks,
    ...lines,
  ].join("");
}

/** The next of 1, 2 and 5 times a power of ten. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 0.001)));
  return (([1, 2, 5] as const).find((factor) => factor * power >= least) ?? 10) * power;
}

function label(x: number, y: number, text: string, anchor = "start"): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${text}</text>`;
}

function format(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: 2 });
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
