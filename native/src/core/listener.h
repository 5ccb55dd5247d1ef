// A thread that reads one channel and calls back.
#pragma once

#include <thread>

#include "core/channel.h"

namespace smipc::detail {

class Listener {
 public:
  Listener(Channel& channel, smipc_listener callback, void* context);
  ~Listener();  // stops the thread and waits for it

 private:
  void stop();
  void run();
  Status deliver_next();
  Status deliver_message();
  Status deliver_bytes();
  bool wait_for_successor();

  Channel& channel_;
  smipc_listener callback_;
  void* context_;
  OwnBytes buffer_;
  std::thread thread_;
};

Status listen_on(Channel& channel, smipc_listener callback, void* context);
Status stop_listening(Channel& channel);  // SMIPC_E_BUSY: on the listener's own thread
bool on_listener_thread(const Channel& channel);

}  // namespace smipc::detail
