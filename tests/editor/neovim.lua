-- Neovim as an editor of configs: it mistypes a key of config.yaml, applies the fix of the server, and saves.
-- It prints each step as a line. The environment variable LIGHTER is the program.

local function wait_for(what, ready)
  assert(vim.wait(60000, ready, 20), "Neovim waited in vain for " .. what)
end

local function say(...)
  io.stdout:write(table.concat({ ... }, " "), "\n")
end

vim.cmd("edit config.yaml")
vim.bo.filetype = "yaml"
local start = vim.lsp.start or vim.lsp.start_client -- Neovim 0.7 has only the older names
local clients = vim.lsp.get_clients or vim.lsp.get_active_clients
local client = start({ name = "lighter", cmd = { vim.env.LIGHTER, "lsp" }, root_dir = vim.fn.getcwd() })
vim.lsp.buf_attach_client(0, client)
wait_for("the server", function()
  return vim.lsp.get_client_by_id(client) ~= nil and vim.lsp.get_client_by_id(client).initialized
end)

local line = vim.fn.search("max_epochs:")
vim.api.nvim_win_set_cursor(0, { line, 2 })
vim.api.nvim_set_current_line((vim.api.nvim_get_current_line():gsub("max_epochs", "max_epoch")))
wait_for("the diagnostic", function()
  return #vim.diagnostic.get(0) > 0
end)
local found = vim.diagnostic.get(0)[1]
say("found", found.lnum + 1, found.col + 1, (found.message:gsub("\n.*", "")))

local asked = vim.lsp.util.make_range_params(0, "utf-16")
asked.context = { diagnostics = { found.user_data.lsp and vim.tbl_extend("keep", found.user_data.lsp, {
  range = { start = { line = found.lnum, character = found.col }, ["end"] = { line = found.end_lnum, character = found.end_col } },
  message = found.message,
  source = found.source,
  severity = found.severity,
}) } }
local replies = vim.lsp.buf_request_sync(0, "textDocument/codeAction", asked, 60000)
local action = replies[client].result[1]
say("action", action.title)
vim.lsp.util.apply_workspace_edit(action.edit, "utf-16")
wait_for("the text without mistakes", function()
  return #vim.diagnostic.get(0) == 0
end)
say("line", vim.api.nvim_get_current_line())

local hover = vim.lsp.buf_request_sync(0, "textDocument/hover", vim.lsp.util.make_position_params(0, "utf-16"), 60000)
say("hover", (hover[client].result.contents.value:gsub("\n", " ")))
vim.cmd("write")
vim.lsp.stop_client(client)
wait_for("the end of the server", function()
  return #clients() == 0
end)
vim.cmd("quitall!")
