/** The kinds of panels that the dashboard is made of, as Grafana's JSON model has them (schema 39: Grafana 11 and later). Pure. */

/** One query: PromQL with Grafana's variables in it, and what its series are called. */
export interface Query {
  readonly expr: string;
  readonly legend?: string;
}

/** What a panel says. */
export interface PanelText {
  readonly title: string;
  /** Shown at the panel's corner: what it is, and what to do where it is not as it should be. */
  readonly description: string;
}

/** Something of Grafana's model. */
export type Model = Readonly<Record<string, unknown>>;

/** A panel that has no place yet. */
export interface Panel {
  readonly width: number;
  readonly height: number;
  readonly model: Model;
}

/** From which value on a colour holds; the first one is for all below. */
export type Steps = readonly (readonly [from: number | null, colour: string])[];

/** Anything above 0 is bad. */
export const NONE_IS_GOOD: Steps = [[null, "green"], [1, "red"]];
/** Anything above 0 is worth a look. */
export const NONE_IS_CALM: Steps = [[null, "green"], [1, "orange"]];
/** 0 is bad. */
export const SOME_IS_GOOD: Steps = [[null, "red"], [1, "green"]];
const PLAIN: Steps = [[null, "blue"]];

const DATASOURCE = { type: "prometheus", uid: "${datasource}" } as const;

/** A figure of this moment. */
export function stat(text: PanelText, query: Query, steps: Steps, unit = "none"): Panel {
  return panel(text, "stat", [{ ...query, instant: true }], {
    width: 4,
    height: 4,
    defaults: { unit, thresholds: thresholds(steps), noValue: "0" },
    options: {
      reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
      colorMode: "background",
      graphMode: "none",
      textMode: "auto",
    },
  });
}

/** Lines over time. */
export function series(
  text: PanelText,
  queries: readonly Query[],
  unit: string,
  { width = 8, steps, stacked = false, max }: {
    readonly width?: number;
    /** Drawn as lines across. */
    readonly steps?: Steps;
    readonly stacked?: boolean;
    readonly max?: number;
  } = {},
): Panel {
  return panel(text, "timeseries", queries, {
    width,
    height: 8,
    defaults: {
      unit,
      min: 0,
      ...(max === undefined ? {} : { max }),
      ...(steps === undefined ? {} : { thresholds: thresholds(steps) }),
      custom: {
        lineWidth: 1,
        fillOpacity: stacked ? 30 : 8,
        showPoints: "never",
        spanNulls: false,
        stacking: { mode: stacked ? "normal" : "none", group: "A" },
        thresholdsStyle: { mode: steps === undefined ? "off" : "line" },
      },
    },
    options: {
      legend: { displayMode: "table", placement: "bottom", calcs: ["lastNotNull", "max"], showLegend: true },
      tooltip: { mode: "multi", sort: "desc" },
    },
  });
}

/** A band for each series, with words for 0 and 1. */
export function states(
  text: PanelText,
  query: Query,
  words: readonly [zero: string, one: string],
  colours: readonly [zero: string, one: string] = ["red", "green"],
): Panel {
  const options = Object.fromEntries(words.map((word, value) => {
    return [value, { text: word, color: colours[value], index: value }];
  }));
  return panel(text, "state-timeline", [query], {
    width: 12,
    height: 9,
    defaults: {
      mappings: [{ type: "value", options }],
      thresholds: thresholds([[null, colours[0]], [1, colours[1]]]),
      custom: { fillOpacity: 80, lineWidth: 0 },
    },
    options: {
      mergeValues: true,
      showValue: "never",
      rowHeight: 0.85,
      legend: { displayMode: "list", placement: "bottom", showLegend: true },
      tooltip: { mode: "single", sort: "none" },
    },
  });
}

/** A column of a table: the value of a query. */
export interface Column {
  /** Undefined: the value is not shown, only the labels are. */
  readonly name?: string;
  readonly expr: string;
  readonly unit?: string;
  readonly steps?: Steps;
}

/** A row for each set of labels, which is the same in all columns, and a column for each query. */
export function table(
  text: PanelText,
  columns: readonly Column[],
  { width = 12, labels, link }: {
    readonly width?: number;
    /** Labels and what they are called. */
    readonly labels: Readonly<Record<string, string>>;
    /** Where a label leads: a query of this dashboard's address. */
    readonly link?: { readonly label: string; readonly query: string };
  },
): Panel {
  const targets = columns.map(({ expr }) => ({ expr, instant: true, format: "table" }));
  const values = columns.map((column, at) => ({ ...column, field: valueField(at, columns.length) }));
  const shown = values.flatMap(({ name, ...rest }) => name === undefined ? [] : [{ ...rest, name }]);
  const hidden = ["Time", "__name__", "job"].filter((name) => !Object.hasOwn(labels, name));
  hidden.push(...values.filter(({ name }) => name === undefined).map(({ field }) => field));
  return panel(text, "table", targets, {
    width,
    height: 9,
    defaults: { custom: { align: "auto", filterable: true, cellOptions: { type: "auto" } } },
    overrides: [
      ...shown.map(({ name, unit = "none", steps }) => ({
        matcher: { id: "byName", options: name },
        properties: [
          { id: "unit", value: unit },
          ...steps === undefined ? [] : [
            { id: "thresholds", value: thresholds(steps) },
            { id: "custom.cellOptions", value: { type: "color-text" } },
          ],
        ],
      })),
      ...link === undefined ? [] : [{
        matcher: { id: "byName", options: labels[link.label] },
        properties: [{
          id: "links",
          value: [{ title: "Only this one", url: `/d/\${__dashboard.uid}?${link.query}` }],
        }],
      }],
    ],
    options: { showHeader: true, cellHeight: "sm" },
    transformations: [
      ...columns.length > 1 ? [{ id: "merge", options: {} }] : [],
      {
        id: "organize",
        options: {
          excludeByName: Object.fromEntries(hidden.map((name) => [name, true])),
          renameByName: { ...labels, ...Object.fromEntries(shown.map(({ field, name }) => [field, name])) },
          indexByName: Object.fromEntries(Object.keys(labels).map((label, at) => [label, at])),
        },
      },
    ],
  });
}

/** Grafana's name of the value of one query among several. */
function valueField(at: number, count: number): string {
  return count === 1 ? "Value" : `Value #${refId(at)}`;
}

function panel(
  { title, description }: PanelText,
  type: string,
  queries: readonly (Query & { readonly instant?: boolean; readonly format?: string })[],
  { width, height, defaults, overrides = [], options, transformations }: {
    readonly width: number;
    readonly height: number;
    readonly defaults: Model;
    readonly overrides?: readonly Model[];
    readonly options: Model;
    readonly transformations?: readonly Model[];
  },
): Panel {
  const targets = queries.map(({ expr, legend, instant = false, format = "time_series" }, at) => ({
    refId: refId(at),
    datasource: DATASOURCE,
    editorMode: "code",
    expr,
    format,
    instant,
    range: !instant,
    ...(legend === undefined ? {} : { legendFormat: legend }),
  }));
  const color = { mode: type === "timeseries" ? "palette-classic" : "thresholds" };
  return {
    width,
    height,
    model: {
      type,
      title,
      description,
      datasource: DATASOURCE,
      targets,
      fieldConfig: { defaults: { color, thresholds: thresholds(PLAIN), ...defaults }, overrides },
      options,
      ...(transformations === undefined ? {} : { transformations }),
    },
  };
}

function refId(at: number): string {
  return String.fromCharCode("A".charCodeAt(0) + at);
}

function thresholds(steps: Steps): Model {
  return { mode: "absolute", steps: steps.map(([value, color]) => ({ value, color })) };
}

/** Rows of panels, each under its title, from the left to the right and from the top down; `collapsed` rows are opened by a click. */
export function layOut(
  rows: readonly {
    readonly title: string;
    readonly collapsed?: boolean;
    readonly panels: readonly Panel[];
  }[],
): readonly Model[] {
  let id = 0;
  let y = 0;
  return rows.flatMap(({ title, collapsed = false, panels }) => {
    const row = { id: ++id, type: "row", title, collapsed, gridPos: { x: 0, y: y++, w: 24, h: 1 } };
    let [x, height] = [0, 0];
    const placed = panels.map((panel) => {
      if (x + panel.width > 24) [x, y, height] = [0, y + height, 0];
      const gridPos = { x, y, w: panel.width, h: panel.height };
      x += panel.width;
      height = Math.max(height, panel.height);
      return { id: ++id, ...panel.model, gridPos };
    });
    y += height;
    return collapsed ? [{ ...row, panels: placed }] : [{ ...row, panels: [] }, ...placed];
  });
}
