#include "apps/config/config.hpp"

namespace holdfast::apps {

actors::node_config default_config(const environment& env) {
  return load_config_text(default_config_text(), "(built-in configuration)", env).value();
}

}  // namespace holdfast::apps
