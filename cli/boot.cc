// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// sidewall boot: a real kernel under the aarch64 driver at EL2, in QEMU, and what came of it.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>

#include "cli/boot_kernel.h"
#include "cli/boot_report.h"
#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "replay/device_tree.h"

namespace sidewall::cli {
namespace {

constexpr const char* kJsonSchema = "sidewall-boot-v1";
constexpr const char* kSmmuName = "nvidia,tegra234-smmu";

struct Options {
  std::string kernel = "stock";
  std::string driver = "shipped";
  std::string takeover = "early";
  std::string kernel_file;
  std::string tree_file;
  std::string append;
  std::string out = "boot-out";
  int limit_s = 180;
  bool hostile = false;
  bool fetch = true;
  bool compare = true;
  bool json = false;
  bool quiet = false;
};

bool OnPath(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string rest = path != nullptr ? path : "";
  while (!rest.empty()) {
    const size_t colon = std::min(rest.find(':'), rest.size());
    if (access((rest.substr(0, colon) + "/" + program).c_str(), X_OK) == 0) return true;
    rest.erase(0, colon + 1);
  }
  return false;
}

std::filesystem::path ImageOf(const std::string& driver) {
  const auto image = BuildFolder() / "replay" / fmt::format("boot-{}.elf", driver);
  if (!std::filesystem::exists(image)) {
    throw EnvironmentError(fmt::format(
        "{} was not built: the build 'el2' has it; ./sidewall boot makes it", image.string()));
  }
  return image;
}

std::string TreeOf(const Options& options, uint64_t initrd_size) {
  if (!options.tree_file.empty()) {
    constexpr size_t kRoom = boot::kDeviceTreeLimit - boot::kDeviceTree;
    const std::string text = ReadTextFile(options.tree_file, kRoom);
    if (!replay::TreeHas({text.begin(), text.end()}, kSmmuName)) {
      throw UsageError(fmt::format("{}: not a device tree with a node that is compatible with {}",
                                   options.tree_file, kSmmuName));
    }
    return text;
  }
  replay::TreeOptions tree;
  tree.arguments =
      "earlycon=pl011,mmio32,0x031d0000 console=ttyAMA0 ignore_loglevel printk.time=1 panic=-1 "
      "deferred_probe_timeout=10 iomem=relaxed no_console_suspend suspend.pm_test_delay=0";
  if (!options.append.empty()) tree.arguments += " " + options.append;
  tree.initrd_size = initrd_size;
  tree.clients = options.kernel == "tegra234";
  tree.gpcdma = options.kernel == "tegra234";
  const auto blob = replay::MakeDeviceTree(tree);
  return {blob.begin(), blob.end()};
}

uint32_t ModesOf(const Options& options) {
  uint64_t modes = 0;
  if (options.hostile) modes |= boot::kModeHostile | boot::kModeProbeSecret | boot::kModeEngine;
  if (options.kernel == "tegra234") modes |= boot::kModeDmatest | boot::kModeEngine;
  if (options.takeover == "late") modes |= boot::kModeLateTakeover;
  return static_cast<uint32_t>(modes);
}

// Stages of the boot, as the console shows them.
class Progress {
 public:
  explicit Progress(bool quiet) : quiet_(quiet) {}
  void Line(const std::string& line) {
    static constexpr std::pair<const char*, const char*> kStages[] = {
        {"Booting Linux", "the kernel runs"},
        {"SMMUv2 with:", "an SMMU was probed"},
        {"Run /init", "user space"},
        {"sidewall: try 1 ", "hostile accesses"},
        {"sidewall: dmatest", "transfers"},
        {"sidewall: take over", "takeover"},
        {"sidewall: done", "the program is done"},
        {"Kernel panic", "PANIC"},
        {"reboot: Power down", "the machine is off"}};
    for (const auto& [text, stage] : kStages) {
      if (quiet_ || line.find(text) == std::string::npos) continue;
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
      fmt::print(stderr, "boot: {:5.1f} s  {}\n", passed.count(), stage);
    }
  }

 private:
  bool quiet_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void WriteFile(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) throw UsageError(fmt::format("{}: cannot be written", path.string()));
}

std::string Today() {
  const std::time_t now = std::time(nullptr);
  char text[16];
  std::strftime(text, sizeof(text), "%Y-%m-%d", std::gmtime(&now));
  return text;
}

std::string KernelName(const BootOutcome& run) {
  for (const std::string& line : run.console) {
    const size_t at = line.find("Linux version ");
    if (at != std::string::npos) return line.substr(at, line.find(" (", at) - at);
  }
  return run.kernel;
}

void WriteTraceOf(const BootOutcome& run) {
  const replay::Trace trace = replay::TraceOf(
      run.record,
      {.kernel = fmt::format("{}, {}", KernelName(run), run.kernel),
       .driver = run.driver,
       .date = Today(),
       .capture = "sidewall boot: rows of its EL2 image's trap handler, each access held "
                  "against the driver's ring"});
  replay::TraceError error;
  if (!replay::WriteTrace((run.folder / "boot.trace.zst").string(), trace, &error)) {
    throw UsageError(error.Text());
  }
}

// What must be decided of each hostile access, one a line; # begins a comment.
std::vector<std::string> WrittenDecisions() {
  std::vector<std::string> lines;
  std::istringstream text(ReadTextFile(SourceRoot() / "replay/boot/hostile_decisions.txt"));
  for (std::string line; std::getline(text, line);) {
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  }
  return lines;
}

BootOutcome RunOnce(const Options& options, const BootKernel& kernel, const std::string& driver) {
  BootOutcome run;
  run.kernel = kernel.version;
  run.driver = driver;
  run.folder = std::filesystem::path(options.out) /
               fmt::format("{}-{}{}{}", options.kernel, driver, options.hostile ? "-hostile" : "",
                           options.takeover == "late" ? "-late" : "");
  std::filesystem::create_directories(run.folder);
  BootMachine machine;
  machine.Put(boot::kKernel, kernel.image);
  machine.Put(boot::kInitrd, kernel.initrd);
  machine.Put(boot::kDeviceTree, TreeOf(options, kernel.initrd.size()));
  boot::Block* block = machine.block();
  block->magic = boot::kBlockMagic;
  block->abi = boot::kBlockAbi;
  block->kernel = boot::kKernel;
  block->device_tree = boot::kDeviceTree;
  block->modes = ModesOf(options);
  Progress progress(options.quiet);
  run.end = machine.Run(
      {.image = ImageOf(driver), .log = run.folder / "kernel.log", .limit_s = options.limit_s},
      [&](const std::string& line) {
        progress.Line(line);
        run.console.push_back(line);
      });
  std::string why;
  if (!replay::ReadRecord(machine.ram(), &run.record, &why)) throw EnvironmentError(why);
  const std::vector<std::string> decisions = WrittenDecisions();
  run.checks = CheckBoot({.driver = driver,
                          .hostile = options.hostile,
                          .late = options.takeover == "late",
                          .dmatest = options.kernel == "tegra234",
                          .limit_s = options.limit_s,
                          .end = &run.end,
                          .record = &run.record,
                          .console = &run.console,
                          .decisions = &decisions});
  if (options.hostile) {
    // In the form of the file that it is held against.
    std::string lines;
    for (const std::string& line : run.checks.decided_as) lines += line + "\n";
    WriteFile(run.folder / "decisions.txt", lines);
  }
  WriteFile(run.folder / "el2.log", run.record.log);
  // The report first: what else cannot be written does not take it away.
  WriteFile(run.folder / "report.json", JsonOfBoot(run).dump(2) + "\n");
  // What the canary answered is no answer of a driver.
  if (driver == "shipped") WriteTraceOf(run);
  return run;
}

int Run(const Options& options) {
  if (options.limit_s < 1) throw UsageError("--limit: at least one second");
  if (!OnPath("qemu-system-aarch64")) {
    throw EnvironmentError("no qemu-system-aarch64 in PATH: install qemu-system-arm");
  }
  ImageOf(options.driver);
  BootKernel kernel = FindKernel(options.kernel, options.fetch);
  if (!options.kernel_file.empty()) {
    kernel.image = ReadTextFile(options.kernel_file, boot::kDeviceTree - boot::kKernel);
    kernel.version = options.kernel_file;
  }
  std::vector<BootOutcome> runs;
  runs.push_back(RunOnce(options, kernel, options.driver));
  const bool sound = runs[0].checks.findings.empty();
  const bool compare = options.compare && !options.hostile && options.takeover == "early" &&
                       options.driver == "shipped" && sound;
  if (compare) runs.push_back(RunOnce(options, kernel, "passthrough"));
  // The canary may leak, that is what it is for; a run of it that was cut short is no base.
  const bool base = !compare || runs[1].checks.ended;
  const int exit_code = sound && base ? kExitOk : kExitFinding;
  if (options.json) {
    nlohmann::json all = nlohmann::json::array();
    for (const BootOutcome& run : runs) all.push_back(JsonOfBoot(run));
    nlohmann::json report = {{"schema", kJsonSchema}, {"exit_code", exit_code}, {"runs", all}};
    if (compare && base) report["ratios"] = JsonOfRatios(runs[0], runs[1]);
    fmt::print("{}\n", report.dump(2));
    return exit_code;
  }
  for (const BootOutcome& run : runs) PrintBoot(run, &run != &runs[0]);
  if (compare && base) PrintRatios(runs[0], runs[1]);
  if (!base)
    fmt::print("no ratios: the run over the canary, their base, did not come to its end\n");
  return exit_code;
}

}  // namespace

void RegisterBoot(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("boot", "a real kernel under the aarch64 driver at EL2, in QEMU");
  verb->add_option("--kernel", options->kernel, "stock: Debian's; tegra234: built from its source")
      ->check(CLI::IsMember({"stock", "tegra234"}));
  verb->add_option("--driver", options->driver, "shipped, or the canary passthrough")
      ->check(CLI::IsMember({"shipped", "passthrough"}));
  verb->add_option("--takeover", options->takeover,
                   "early: before the kernel; late: after it has probed")
      ->check(CLI::IsMember({"early", "late"}));
  verb->add_flag("--hostile", options->hostile, "run the program that attacks");
  verb->add_option("--limit", options->limit_s, "seconds before a run is ended");
  verb->add_option("--out", options->out, "folder for logs, traces and reports");
  verb->add_option("--kernel-file", options->kernel_file, "another kernel image");
  verb->add_option("--append", options->append, "more words for the kernel's command line");
  verb->add_option("--device-tree", options->tree_file, "another device tree blob");
  verb->add_flag("!--no-fetch", options->fetch, "download and build nothing");
  verb->add_flag("!--no-compare", options->compare, "without the run over the canary");
  verb->add_flag("--json", options->json, "the report as JSON");
  verb->add_flag("--quiet", options->quiet, "no progress");
  verb->callback([options, exit_code] { *exit_code = Run(*options); });
}

}  // namespace sidewall::cli
