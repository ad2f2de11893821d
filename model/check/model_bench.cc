// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/check/model_bench.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <stdexcept>

#include "model/check/qemu.h"
#include "model/check/subject.h"
#include "model/check/unicorn_at.h"

namespace sidewall::check {
namespace {

constexpr uint64_t kSeed = 1;
constexpr size_t kCasesTaken = 32;
constexpr uint64_t kWindow = 0x12000000;  // niso0

using Clock = std::chrono::steady_clock;

double Seconds(const std::function<void()>& work) {
  const Clock::time_point start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Delivered cases that Unicorn can do, or delivered nested ones.
std::vector<Case> TakeCases(bool nested) {
  std::vector<Case> cases;
  Subject subject;
  for (uint64_t index = 0; cases.size() < kCasesTaken; ++index) {
    const Case one = DrawCase(kSeed, index);
    const bool wanted =
        nested ? one.stage1.on && one.stage2.on && IsBothStages(one.operation) : UnicornCan(one);
    if (wanted && subject.Ask(one).fault == Fault::kNone) cases.push_back(one);
  }
  return cases;
}

class Bench {
 public:
  explicit Bench(const BenchOptions& options)
      : options_(options),
        single_(TakeCases(false)),
        nested_(TakeCases(true)),
        unicorn_(ImagePath()),
        unicorn_count_(Enough([this](uint64_t n) { Walk(n); })) {}

  std::vector<Rate> Run() {
    MeasureTransactions("stage 1", single_);
    MeasureTransactions("nested", nested_);
    MeasureCommands();
    Rate beside = {"unicorn.at", "AT S1E1* and S1E0* of Unicorn, stage 1 alone, a walk each",
                   Median(unicorn_rates_), 1, Median(unicorn_rates_)};
    rates_.insert(rates_.begin(), std::move(beside));
    return std::move(rates_);
  }

 private:
  using Work = std::function<void(uint64_t)>;

  static double Median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
    return values[values.size() / 2];
  }

  // How many of it take about half of a round.
  uint64_t Enough(const Work& batch) const {
    uint64_t n = 16;
    while (Seconds([&] { batch(n); }) < options_.seconds_per_round / 2 && n < uint64_t{1} << 32) {
      n *= 2;
    }
    return n;
  }

  // `batch(n)` does n of what is measured. Rounds of it and of Unicorn take turns, so that whatever
  // else the machine does slows both; the ratio is the median of those of the pairs.
  void Add(std::string name, std::string what, const Work& batch) {
    const uint64_t n = Enough(batch);
    std::vector<double> rates, beside, ratios;
    for (unsigned round = 0; round < options_.rounds; ++round) {
      const double theirs = Seconds([&] { Walk(unicorn_count_); });
      const double ours = Seconds([&] { batch(n); });
      beside.push_back(static_cast<double>(unicorn_count_) / theirs);
      rates.push_back(static_cast<double>(n) / ours);
      ratios.push_back(rates.back() / beside.back());
    }
    unicorn_rates_.insert(unicorn_rates_.end(), beside.begin(), beside.end());
    rates_.push_back(
        {std::move(name), std::move(what), Median(rates), Median(ratios), Median(beside)});
  }

  // So many translations of Unicorn.
  void Walk(uint64_t n) {
    Batch& batch = unicorn_.Begin();
    for (const Case& one : single_) {
      if (!unicorn_.Append(one)) throw std::logic_error("a batch is too small");
    }
    for (uint32_t i = 0; i < batch.case_count; ++i) {
      batch.cases[i].repeat = static_cast<uint32_t>((n + i) / batch.case_count);
    }
    unicorn_.Run();
  }

  // Case after case, each loaded once and then asked many times.
  void MeasureTransactions(const std::string& kind, const std::vector<Case>& cases) {
    Subject subject;
    const auto each = [&](uint64_t n, const std::function<uint64_t(const Case&)>& ask) {
      for (size_t i = 0; i < cases.size(); ++i) {
        subject.Load(cases[i]);
        for (uint64_t left = (n + i) / cases.size(); left != 0; --left) sum_ = sum_ + ask(cases[i]);
        subject.Unload();
      }
    };
    const std::string tag = kind == "nested" ? "nested" : "stage1";
    Add("translate." + tag, "translations by the tables, " + kind + ", no TLB (cold)",
        [&](uint64_t n) { each(n, [&](const Case& one) { return subject.Walk(one).pa; }); });
    Add("dma." + tag, "transactions with all their effects, " + kind,
        [&](uint64_t n) { each(n, [&](const Case& one) { return subject.Transfer(one).pa; }); });
    // Marked again, or the first Unload would bring the other profile back.
    subject.machine().SetProfile(model::TlbProfile::kLru);
    if (!subject.machine().Mark()) throw std::logic_error("no room for a mark");
    Add("dma." + tag + ".cached", "the same, answered by the LRU profile (cached)",
        [&](uint64_t n) { each(n, [&](const Case& one) { return subject.Transfer(one).pa; }); });
  }

  void MeasureCommands() {
    Subject subject;
    model::Machine& machine = subject.machine();
    Add("sync", "TLBIALLNSNH, sTLBGSYNC and the status read that shows it complete",
        [&](uint64_t n) {
          for (; n != 0; --n) {
            machine.Write32(kWindow + 0x68, 0);
            machine.Write32(kWindow + 0x70, 0);
            uint32_t status = 0;
            machine.Read32(kWindow + 0x74, &status);
            sum_ = sum_ + status;
          }
        });
    Add("reset", "a nested case put in place, and back by Restore", [&](uint64_t n) {
      for (uint64_t i = 0; i < n; ++i) {
        subject.Load(nested_[i % nested_.size()]);
        subject.Unload();
      }
    });
  }

  BenchOptions options_;
  std::vector<Case> single_;
  std::vector<Case> nested_;
  UnicornAt unicorn_;
  const uint64_t unicorn_count_;  // translations in a round of Unicorn
  std::vector<double> unicorn_rates_;
  std::vector<Rate> rates_;
  volatile uint64_t sum_ = 0;  // keeps what is measured from being left out
};

}  // namespace

std::vector<Rate> MeasureModel(const BenchOptions& options) { return Bench(options).Run(); }

}  // namespace sidewall::check
