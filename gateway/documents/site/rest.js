// Lets redoc draw /openapi.json, in the colours that the reader has set.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const theme = dark && {
  colors: {
    primary: { main: "#7db7f5" },
    text: { primary: "#d7dce3", secondary: "#98a2b0" },
    border: { dark: "#333b45", light: "#333b45" },
    http: { get: "#5fb96a", post: "#7db7f5", put: "#d9a75f", patch: "#d9a75f", delete: "#e58080" },
  },
  schema: { nestedBackground: "#1d2229", linesColor: "#4a5562", typeNameColor: "#98a2b0" },
  sidebar: { backgroundColor: "#1d2229", textColor: "#d7dce3" },
  rightPanel: { backgroundColor: "#101317", textColor: "#d7dce3" },
  codeBlock: { backgroundColor: "#1d2229" },
};

Redoc.init(
  "/openapi.json",
  {
    theme: theme || {},
    disableSearch: false,
    hideDownloadButton: false,
    nativeScrollbars: true,
    scrollYOffset: 50,
    requiredPropsFirst: true,
    sortEnumValuesAlphabetically: false,
  },
  document.getElementById("redoc"),
);
