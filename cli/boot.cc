// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// sidewall boot: a real kernel under the aarch64 driver at EL2, in QEMU, and what came of it.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "cli/boot_machine.h"
#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "replay/boot_record.h"
#include "replay/device_tree.h"
#include "replay/initrd.h"

namespace sidewall::cli {
namespace {

struct Options {
  std::string kernel = "stock";
  std::string driver = "shipped";
  bool hostile = false;
  int limit_s = 180;
  std::string out = "boot-out";
};

std::filesystem::path CacheFolder() {
  if (const char* set = std::getenv("SIDEWALL_BOOT_CACHE")) return set;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME")) {
    return std::filesystem::path(xdg) / "sidewall/boot";
  }
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home ? home : "/tmp") / ".cache/sidewall/boot";
}

std::string MakeInitrd(const std::filesystem::path& kernel) {
  replay::Initrd initrd;
  initrd.AddFolder("dev");
  initrd.AddDevice("dev/console", 5, 1);
  initrd.AddFile("init", 0755, ReadTextFile(BuildFolder() / "replay/boot-init"));
  initrd.AddFolder("modules");
  int number = 0;
  for (const char* name : {"failover", "net_failover", "virtio_net", "virtio_mmio"}) {
    for (const char* ending : {".ko", ".ko.xz"}) {
      const auto path = kernel / "modules" / (std::string(name) + ending);
      if (!std::filesystem::exists(path)) continue;
      initrd.AddFile(fmt::format("modules/{:02}-{}{}", number++, name, ending), 0644,
                     ReadTextFile(path));
    }
  }
  return initrd.Finish();
}

int Run(const Options& options) {
  const auto kernel = CacheFolder() / options.kernel;
  BootMachine machine;
  replay::TreeOptions tree;
  tree.arguments =
      "earlycon=pl011,mmio32,0x031d0000 console=ttyAMA0 ignore_loglevel printk.time=1 panic=-1 "
      "deferred_probe_timeout=10 iomem=relaxed";
  const std::string initrd = MakeInitrd(kernel);
  tree.initrd_size = initrd.size();
  const auto blob = replay::MakeDeviceTree(tree);
  machine.Put(boot::kKernel, ReadTextFile(kernel / "Image"));
  machine.Put(boot::kInitrd, initrd);
  machine.Put(boot::kDeviceTree,
              std::string_view(reinterpret_cast<const char*>(blob.data()), blob.size()));
  boot::Block* block = machine.block();
  block->magic = boot::kBlockMagic;
  block->abi = boot::kBlockAbi;
  block->kernel = boot::kKernel;
  block->device_tree = boot::kDeviceTree;
  block->modes = options.hostile ? boot::kModeHostile | boot::kModeProbeSecret : 0;
  std::filesystem::create_directories(options.out);
  const std::filesystem::path out = options.out;
  const BootEnd end = machine.Run(
      {.image = BuildFolder() / "replay" / fmt::format("boot-{}.elf", options.driver),
       .log = out / "kernel.log",
       .limit_s = options.limit_s},
      [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  replay::BootRecord record;
  std::string why;
  if (!replay::ReadRecord(machine.ram(), &record, &why)) throw EnvironmentError(why);
  fmt::print("{} line {} at {:#x} pc {:#x}; {:.1f} s; rows {} tables {} bytes; boot instr {}\n",
             replay::PhaseName(record.block.phase), record.block.failed_line,
             record.block.failed_at, record.block.failed_pc, end.seconds, record.block.row_count,
             record.block.table_bytes, record.block.boot_instructions);
  fmt::print("{}", record.log);
  for (const auto& [key, cost] : replay::CostsOf(record)) {
    fmt::print("{:20} {} {:6} driver {:6} model {:6}\n", key.first, key.second ? "W" : "R",
               cost.accesses, cost.driver / cost.accesses, cost.model / cost.accesses);
  }
  const replay::Trace trace = replay::TraceOf(record, {"x", options.driver, "not recorded", "x"});
  replay::TraceError error;
  if (!replay::WriteTrace((out / "boot.trace.zst").string(), trace, &error)) {
    throw EnvironmentError(error.Text());
  }
  return kExitOk;
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
  verb->add_flag("--hostile", options->hostile, "run the program that attacks");
  verb->add_option("--limit", options->limit_s, "seconds before the run is ended");
  verb->add_option("--out", options->out, "folder for the log and the trace");
  verb->callback([options, exit_code] { *exit_code = Run(*options); });
}

}  // namespace sidewall::cli
