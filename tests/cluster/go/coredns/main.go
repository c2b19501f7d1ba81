// Command coredns answers names of Services. It has only the plugins that the test cluster needs: with all of CoreDNS's own it would
// compile three clouds' client libraries too.
package main

import (
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"

	"github.com/coredns/coredns/coremain"
)

func main() {
	coremain.Run()
}
