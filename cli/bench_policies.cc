// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// `sidewall bench policies`: every value that the host can write to a register whose policy is a
// question about one value.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "cli/bench.h"
#include "cli/exit_codes.h"
#include "oracle/policy_sweep.h"

namespace sidewall::cli {
namespace {

constexpr uint64_t kValues = uint64_t{1} << 32;
constexpr uint64_t kPart = uint64_t{1} << 26;

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

// One thread's share of a sweep: a run of values of its own, in parts, so that another's finding
// ends it early.
class Share {
 public:
  Share(Policy policy, uint64_t first, uint64_t count, uint64_t stride)
      : sweep_(policy), first_(first), count_(count), stride_(stride) {}

  void Run(const bool& stop) {
    for (uint64_t done = 0; done < count_ && !stop && !sweep_.report().broken; done += kPart) {
      sweep_.Run({first_ + done * stride_, std::min(kPart, count_ - done), stride_});
    }
  }
  const SweepReport& report() const { return sweep_.report(); }

 private:
  PolicySweep sweep_;
  uint64_t first_, count_, stride_;
};

SweepReport SweepAll(Policy policy, uint64_t stride, unsigned jobs) {
  const uint64_t total = (kValues + stride - 1) / stride;
  SweepReport sum;
  std::mutex lock;
  std::vector<std::thread> threads;
  for (unsigned job = 0; job < jobs; job++) {
    threads.emplace_back([&, job] {
      const uint64_t begin = total * job / jobs, end = total * (job + 1) / jobs;
      Share share(policy, begin * stride, end - begin, stride);
      share.Run(sum.broken);
      const std::lock_guard guard(lock);
      const SweepReport& report = share.report();
      sum.values += report.values, sum.stores += report.stores, sum.changed += report.changed;
      sum.guest = report.guest;
      if (report.broken && !sum.broken) {
        sum.broken = true, sum.value = report.value, sum.what = report.what;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return sum;
}

}  // namespace

int BenchPolicies(uint64_t stride, unsigned jobs, bool json) {
  nlohmann::ordered_json report = Provenance("sidewall.bench.policies/1");
  report["command"] = fmt::format("sidewall bench policies --stride={} --jobs={}", stride, jobs);
  report["policies"] = nlohmann::ordered_json::array();
  bool broken = false;
  if (!json) {
    PrintMachine(report);
    fmt::print("  {:<10} {:>11} {:>11} {:>12} {:>9}  verdict\n", "register", "values", "hw changed",
               "stores", "seconds");
  }
  for (const Policy policy : kPolicies) {
    if (isatty(STDERR_FILENO)) fmt::print(stderr, "sweeping {}\n", PolicyName(policy));
    const auto start = std::chrono::steady_clock::now();
    const SweepReport sweep = SweepAll(policy, stride, jobs);
    const double seconds = Seconds(start);
    broken |= sweep.broken;
    report["policies"].push_back({{"register", PolicyName(policy)},
                                  {"values", sweep.values},
                                  {"changed", sweep.changed},
                                  {"stores", sweep.stores},
                                  {"seconds", seconds},
                                  {"broken", sweep.broken ? sweep.what : ""}});
    if (json) continue;
    fmt::print("  {:<10} {:>11} {:>11} {:>12} {:>9.1f}  {}\n", PolicyName(policy), sweep.values,
               sweep.changed, sweep.stores, seconds, sweep.broken ? sweep.what : "held");
  }
  if (json) fmt::print("{}\n", report.dump(2));
  return broken ? kExitFinding : kExitOk;
}

}  // namespace sidewall::cli
