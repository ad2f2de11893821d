// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// sidewall trace: makes canonical traces of other files, and shows them.
#include "replay/trace.h"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "replay/trace_import.h"

namespace sidewall::cli {
namespace {

struct ImportArguments {
  replay::ImportOptions options;
  std::string out;
};

int Fail(const replay::TraceError& error) {
  fmt::print(stderr, "sidewall: {}\n", error.Text());
  return kExitUsage;
}

int RunImport(const ImportArguments& arguments) {
  replay::Trace trace;
  replay::TraceError error;
  if (!replay::ImportRecorder(arguments.options, &trace, &error)) return Fail(error);
  if (!replay::WriteTrace(arguments.out, trace, &error)) return Fail(error);
  const replay::TraceCounts& counts = trace.head.counts;
  fmt::print(stderr,
             "{}: {} SMMU and {} MC rows, {} DMA rows, {} faults, {} table pages; {} rows "
             "of other devices left out\n",
             arguments.out, counts.smmu, counts.mc, counts.dma, counts.hw_faults, counts.tables,
             counts.left_out);
  if (trace.head.lost != 0) {
    fmt::print(
        stderr,
        "sidewall: warning: the capture lost {} events, so {} can never be replayed or shown; "
        "capture again with a larger buffer\n",
        trace.head.lost, arguments.out);
  }
  return kExitOk;
}

int RunShow(const std::string& path) {
  replay::Trace trace;
  replay::TraceError error;
  if (!replay::ReadTrace(path, &trace, &error)) return Fail(error);
  fmt::print("{}", replay::FormatTrace(trace));
  return kExitOk;
}

void AddImport(CLI::App* verb, int* exit_code) {
  auto arguments = std::make_shared<ImportArguments>();
  replay::ImportOptions& options = arguments->options;
  CLI::App* import = verb->add_subcommand("import", "the CSV pair of the EL2 recorder");
  import->add_option("accesses", options.accesses, "CSV of accesses")->required();
  import->add_option("tables", options.tables, "CSV of page tables, where recorded");
  import->add_option("--out", arguments->out, "file to write, .trace or .trace.zst")->required();
  import->add_option("--machine", options.machine,
                     "what it was captured on: a board, or \"Linux in QEMU, not a board\" "
                     "(required)");
  import->add_option("--kernel", options.kernel, "release of the kernel");
  import->add_option("--board", options.board, "board to replay it on");
  import->add_option("--ram", options.ram, "RAM of the kernel, 0xSTART-0xEND, of the board's");
  import->add_option("--capture", options.capture, "tool that captured it");
  import->add_option("--date", options.date, "when it was captured");
  import->add_option("--lost", options.lost, "events that the tool lost; if any, never replayed");
  import->callback([arguments, exit_code] { *exit_code = RunImport(*arguments); });
}

}  // namespace

void RegisterTrace(CLI::App& app, int* exit_code) {
  CLI::App* verb = app.add_subcommand("trace", "import and show boot traces");
  verb->require_subcommand(1);
  AddImport(verb, exit_code);
  auto path = std::make_shared<std::string>();
  CLI::App* show = verb->add_subcommand("show", "a trace as text");
  show->add_option("trace", *path, "a canonical trace")->required();
  show->callback([path, exit_code] { *exit_code = RunShow(*path); });
}

}  // namespace sidewall::cli
