#pragma once

#include <memory>

#include "data/stream.h"

namespace perdure::format {

/// A medium that a file of records names and does not hold. Opening fails: not_found.
inline std::shared_ptr<data::Content> no_content(std::string path) {
    class Absent : public data::Content {
    public:
        explicit Absent(std::string path) : path_(std::move(path)) {}
        Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override {
            return fail(Fault::not_found, path_ + " is not in this file");
        }

    private:
        std::string path_;
    };
    return std::make_shared<Absent>(std::move(path));
}

}  // namespace perdure::format
