// React's runtime as an ES module: calls are `a(…)` instead of `(0,b.jsx)(…)`, 1.5 KB less in all.
import runtime from "./node_modules/react/jsx-runtime.js";

export const { Fragment, jsx, jsxs } = runtime;
