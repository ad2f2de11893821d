// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The folder that a campaign writes into. It carries a marker, so that no campaign ever removes
// what another program put there, and a lock, so that two campaigns do not share it.
//
//     CampaignFolder folder("fuzz-out");   // throws UsageError before anything is touched
//     folder.Clear({"corpus", "afl"});     // of the campaign before
#ifndef SIDEWALL_CLI_CAMPAIGN_FOLDER_H_
#define SIDEWALL_CLI_CAMPAIGN_FOLDER_H_

#include <filesystem>
#include <string>
#include <vector>

namespace sidewall::cli {

class CampaignFolder {
 public:
  explicit CampaignFolder(std::filesystem::path path);
  ~CampaignFolder();
  CampaignFolder(const CampaignFolder&) = delete;
  CampaignFolder& operator=(const CampaignFolder&) = delete;

  // Empties these folders of it, and makes those that are not there.
  void Clear(const std::vector<std::string>& names) const;

 private:
  const std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_CAMPAIGN_FOLDER_H_
