// Starts `lighter lsp` for YAML files. All knowledge is in the server.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = function () {
  const [command, ...args] = workspace.getConfiguration("lighter").get("command");
  client = new LanguageClient(
    "lighter",
    "Lighter",
    { command, args },
    { documentSelector: [{ scheme: "file", language: "yaml" }] },
  );
  return client.start();
};

exports.deactivate = function () {
  return client?.stop();
};
