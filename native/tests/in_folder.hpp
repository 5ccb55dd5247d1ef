// Tests that need files, in a folder of their own that goes with them.
#pragma once

#include <filesystem>

#include "support.hpp"

namespace smipc::test {

class InFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / object_name("folder");
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string path(const char* file) const { return (folder_ / file).string(); }

 private:
  std::filesystem::path folder_;
};

}  // namespace smipc::test
