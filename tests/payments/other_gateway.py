"""A second payment gateway: another simulator, at an address of its own."""

from payments.gateways.simulator import SimulatorGateway

SIMULATOR = "payments.gateways.simulator.SimulatorGateway"
OTHER = f"{__name__}.OtherGateway"


class OtherGateway(SimulatorGateway):
    """Speaks the simulator's protocol with the second simulator."""

    name = "other"
    address = "OTHER_GATEWAY_URL"
