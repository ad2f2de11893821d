// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/boot_kernel.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/child_process.h"
#include "cli/environment.h"
#include "replay/boot/block.h"
#include "replay/initrd.h"
#include "replay/sha256.h"

namespace sidewall::cli {
namespace {

// What the guest's program loads, in this order.
constexpr const char* kModules[] = {"failover", "net_failover", "virtio_net", "virtio_mmio"};

// Runs a script of replay/boot; what it says is shown as it comes.
void Prepare(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {(SourceRoot() / "replay/boot" / script).string(),
                                      BootCache().string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  ChildProcess child(command, {});
  std::string last;
  char buffer[4096];
  for (;;) {
    const ssize_t size = read(child.fd(), buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    last.append(buffer, static_cast<size_t>(size));
    fmt::print(stderr, "{}", std::string_view(buffer, static_cast<size_t>(size)));
  }
  if (child.Wait() == 0) return;
  while (last.ends_with('\n')) last.pop_back();
  const size_t line = last.rfind('\n');
  throw EnvironmentError(line == std::string::npos ? last : last.substr(line + 1));
}

std::string MakeInitrd(const std::filesystem::path& modules) {
  const auto program = BuildFolder() / "replay/boot-init";
  if (!std::filesystem::exists(program)) {
    throw EnvironmentError(
        fmt::format("{} was not built: the build 'el2' has it; "
                    "./sidewall boot makes it",
                    program.string()));
  }
  replay::Initrd initrd;
  initrd.AddFolder("dev");
  initrd.AddDevice("dev/console", 5, 1);
  initrd.AddFile("init", 0755, ReadTextFile(program));
  initrd.AddFolder("modules");
  int number = 0;
  for (const char* name : kModules) {
    for (const char* ending : {".ko", ".ko.xz"}) {
      const auto path = modules / (std::string(name) + ending);
      if (!std::filesystem::exists(path)) continue;
      initrd.AddFile(fmt::format("modules/{:02}-{}{}", number++, name, ending), 0644,
                     ReadTextFile(path));
    }
  }
  return initrd.Finish();
}

std::string FirstLine(const std::filesystem::path& path) {
  const std::string text = ReadTextFile(path);
  return text.substr(0, text.find('\n'));
}

// As build_kernel.sh names what it has built: the source, and what that and the configuration hash
// to. A kernel of another configuration shows something else than what it is taken for.
void RequirePresentConfig(const std::string& version) {
  const std::string source = version.substr(0, version.find(' '));
  replay::Sha256 hash;
  hash.Update(source + "\n" + ReadTextFile(SourceRoot() / "replay/boot/tegra234.config"));
  const std::string wanted = fmt::format("{} config {}", source, hash.Hex().substr(0, 16));
  if (version == wanted) return;
  throw EnvironmentError(
      fmt::format("the kernel in {} is '{}', not '{}': ./sidewall boot --kernel=tegra234 builds it "
                  "again",
                  (BootCache() / "tegra234").string(), version, wanted));
}

}  // namespace

std::filesystem::path BootCache() {
  if (const char* set = std::getenv("SIDEWALL_BOOT_CACHE")) return set;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME")) {
    return std::filesystem::path(xdg) / "sidewall/boot";
  }
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : "/tmp") / ".cache/sidewall/boot";
}

BootKernel FindKernel(const std::string& name, bool fetch) {
  const auto folder = BootCache() / name;
  if (fetch && name == "stock") Prepare("fetch.sh", {"stock"});
  if (fetch && name == "tegra234") Prepare("build_kernel.sh", {});
  if (!std::filesystem::exists(folder / "version") || !std::filesystem::exists(folder / "Image")) {
    throw EnvironmentError(
        fmt::format("no kernel '{}' in {}: ./sidewall boot --kernel={} gets it, once", name,
                    BootCache().string(), name));
  }
  BootKernel kernel;
  kernel.version = FirstLine(folder / "version");
  if (name == "tegra234") RequirePresentConfig(kernel.version);
  kernel.image = ReadTextFile(folder / "Image");
  kernel.initrd = MakeInitrd(folder / "modules");
  if (kernel.image.size() > boot::kDeviceTree - boot::kKernel ||
      kernel.initrd.size() > boot::kInitrdLimit - boot::kInitrd) {
    throw EnvironmentError(
        fmt::format("{}: larger than the machine has room for", folder.string()));
  }
  return kernel;
}

}  // namespace sidewall::cli
