// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The kernels that `boot` can start: Debian's, and a small one built from its source. Both lie in a
// cache outside the source tree, which replay/boot/fetch.sh and build_kernel.sh fill.
//
//     BootKernel kernel = FindKernel("stock", true);     // fetches it, the first time
//     machine.Put(boot::kKernel, kernel.image);
#ifndef SIDEWALL_CLI_BOOT_KERNEL_H_
#define SIDEWALL_CLI_BOOT_KERNEL_H_

#include <filesystem>
#include <string>

namespace sidewall::cli {

struct BootKernel {
  std::string version;  // of the package, for people
  std::string image;
  std::string initrd;
};

// $SIDEWALL_BOOT_CACHE, else sidewall/boot in the user's cache.
std::filesystem::path BootCache();

// Throws EnvironmentError that names what is missing; without `fetch` nothing is downloaded.
BootKernel FindKernel(const std::string& name, bool fetch);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_BOOT_KERNEL_H_
